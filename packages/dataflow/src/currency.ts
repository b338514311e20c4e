/**
 * The currency: what flows between packages. Readonly plain objects over typed arrays; never tensors.
 * Shape letters: B rows of a batch, T context positions, D model width, F latents.
 */

/** The position AFTER an item in its source: where a resumed run goes on reading. */
export interface Cursor {
  readonly source: string;
  readonly shard: number;
  readonly row: number;
}

/** One text with a stable id; splits are made by hashing the id. */
export interface Document {
  readonly id: string;
  readonly domain: string;
  readonly text: string;
  readonly cursor: Cursor;
}

/** Token rows of equal context length, right-padded. */
export interface TokenRows {
  readonly rows: number;
  readonly context: number;
  /** [rows * context] token ids; padding positions hold the pad id. */
  readonly ids: Int32Array;
  /** [rows * context] 1 = a real token (attended to), 0 = padding. */
  readonly mask: Uint8Array;
}

/** Tokenised documents. A row may hold several documents (packing): `doc` tells which one each position is from. */
export interface TokenBatch extends TokenRows {
  /** [rows * context] 1 = BOS, EOS, padding or another special token: left out of training and metrics by default. */
  readonly special: Uint8Array;
  /** [rows * context] index into `docs`, -1 at padding. */
  readonly doc: Int32Array;
  /** Document ids named by `doc`. */
  readonly docs: readonly string[];
  /** Domain of each entry of `docs`. */
  readonly domains: readonly string[];
  readonly cursor: Cursor;
}

/** Where activations were read: `hook` is resid_pre.i, resid_post.i, attn_out.i, mlp_out.i or embed. */
export interface Site {
  readonly model: string;
  readonly hook: string;
  readonly width: number;
}

/** Where each activation row came from; columnar, all of length `rows`. */
export interface RowOrigin {
  readonly tokenId: Int32Array;
  readonly position: Int32Array;
  /** Index into `docs`. */
  readonly doc: Int32Array;
  readonly docs: readonly string[];
  readonly domains: readonly string[];
}

/** Activation rows [rows, site.width] in token order or shuffled; special tokens are already left out unless asked for. */
export interface ActivationBatch {
  readonly site: Site;
  readonly rows: number;
  /** [rows * site.width] */
  readonly values: Float32Array;
  /** What is to be reconstructed, [rows * targetWidth]; default: `values` themselves. Residual SAEs: the base's error. */
  readonly target?: Float32Array;
  readonly origin: RowOrigin;
  readonly cursor: Cursor;
}

/** A dense array with its shape; the form in which weights travel and are stored. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Sparse codes of B tokens over F latents, compressed by row (CSR); values are > 0 for every non-negative code. */
export interface SparseCodes {
  readonly rows: number;
  readonly latents: number;
  /** [rows + 1] */
  readonly indptr: Int32Array;
  /** [nnz] latent index, ascending within a row */
  readonly indices: Int32Array;
  /** [nnz] */
  readonly values: Float32Array;
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** How an artefact came to be: enough to make it again. */
export interface Provenance {
  readonly tokens: number;
  readonly steps: number;
  readonly seed: number;
  /** Package name -> version. */
  readonly versions: Readonly<Record<string, string>>;
  /** Free-form facts: data hashes, configuration, host. */
  readonly facts: Readonly<Record<string, Json>>;
}

/** A trained SAE at rest, in raw activation units (every normalisation folded in), ready for inference or export. */
export interface SaeState {
  /** `kind`-discriminated inference configuration; sae-core owns the kinds. */
  readonly config: { readonly kind: string; readonly [key: string]: Json };
  readonly weights: Readonly<Record<string, NdArray>>;
  /** The scalar that activations were divided by while training (already folded into `weights`). */
  readonly scale: number;
  readonly site: Site;
  readonly trained: Provenance;
}

/** One measured number with the id of its definition. */
export interface MetricRow {
  readonly run: string;
  readonly sae: string;
  readonly step: number;
  readonly metric: string;
  readonly split: string;
  readonly domain: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** One text window around an activation peak. */
export interface FeatureContext {
  readonly doc: string;
  readonly domain: string;
  readonly tokens: readonly string[];
  readonly activations: readonly number[];
  readonly peak: number;
  /** 0 = strongest quantile; -1 = top list. */
  readonly quantile: number;
  /** Who may look at the window: a rater of the explanation sees the scorer's only. */
  readonly pool?: 'explainer' | 'scorer';
}

export interface LogitEffect {
  readonly token: string;
  readonly value: number;
}

export interface Explanation {
  readonly text: string;
  readonly method: string;
  readonly scores: readonly ExplanationScore[];
}

export interface ExplanationScore {
  readonly scorer: string;
  readonly metric: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
  /** The same score for a chance control (shuffled explanation), where one was run, with its interval. */
  readonly control?: number;
  readonly controlLow?: number;
  readonly controlHigh?: number;
}

/** How many activations of each strength there were: bin i counts those in [edges[i], edges[i + 1]). */
export interface ActivationHistogram {
  /** [counts.length + 1] ascending. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** What a person reads about one latent. */
export interface FeatureCard {
  readonly sae: string;
  readonly latent: number;
  /** Share of evaluated tokens on which the latent is active. */
  readonly density: number;
  readonly maxActivation: number;
  readonly contexts: readonly FeatureContext[];
  readonly promoted: readonly LogitEffect[];
  readonly suppressed: readonly LogitEffect[];
  readonly neighbours: readonly { readonly sae: string; readonly latent: number; readonly cosine: number }[];
  readonly explanation?: Explanation;
  /** Every activation on the evaluated tokens, in logarithmic bins. */
  readonly histogram?: ActivationHistogram;
  /** Domain -> share of the tokens on which the latent is active; domains without any are left out. */
  readonly domainShare?: Readonly<Record<string, number>>;
  /** What a dense latent is for: class names joined by `+`, or `unclassified`; null = not dense, absent = not looked at. */
  readonly denseClass?: string | null;
}
