import type { SparseCodes } from '@salmon-sae/dataflow';

/** Codes of some positions of a `TokenBatch`: code row i belongs to flat position `positions[i]` = row * context + position. */
export interface CodedTokens {
  readonly codes: SparseCodes;
  /** Strictly ascending flat positions, one per code row. */
  readonly positions: Int32Array;
}

/** Who may look at a window: decided by its document, so that explainer and scorer never share one. */
export type Pool = 'explainer' | 'scorer';

/** A window of one document with what one latent does in it. */
export interface Example {
  readonly doc: string;
  readonly domain: string;
  readonly ids: Int32Array;
  /** [ids.length] the latent's activation at each token; all 0 in a non-activating window. */
  readonly activations: Float32Array;
  /** The largest of `activations`. */
  readonly peak: number;
  /** Tokens between the start of the window's text segment and the window. */
  readonly offset: number;
  /** 0 = strongest quantile; -1 = top list; -2 = non-activating. */
  readonly quantile: number;
  readonly kind: 'activating' | 'random' | 'hard';
}

/** The examples of one latent that one party may see. */
export interface PoolExamples {
  /** Strongest windows, descending by peak. */
  readonly top: readonly Example[];
  /** A uniform sample of activating windows, ranked by peak and cut into slices of equal count; 0 = strongest. */
  readonly quantiles: readonly (readonly Example[])[];
  /** Windows drawn at random among those in which the latent is silent. */
  readonly random: readonly Example[];
  /** Silent windows whose words resemble the activating ones most. */
  readonly hard: readonly Example[];
}

export interface LatentExamples {
  readonly sae: string;
  readonly latent: number;
  /** Tokens looked at (special tokens are not). */
  readonly tokens: number;
  /** Tokens on which the latent was active. */
  readonly active: number;
  readonly density: number;
  readonly maxActivation: number;
  /** Mean over active tokens; 0 for a silent latent. */
  readonly meanActivation: number;
  /** Windows in which the latent fired, both pools together. */
  readonly windows: number;
  readonly explainer: PoolExamples;
  readonly scorer: PoolExamples;
}

/** Settings of `collectExamples`; every field has a default in `EXAMPLE_DEFAULTS`. */
export interface ExampleOptions {
  readonly seed?: number;
  /** Longest window in tokens. */
  readonly window?: number;
  /** Strongest windows kept per latent and pool. */
  readonly top?: number;
  /** Uniformly sampled activating windows kept per latent and pool. */
  readonly sample?: number;
  readonly quantiles?: number;
  /** Background windows kept per pool, from which non-activating windows are taken. */
  readonly background?: number;
  /** Non-activating windows of each kind handed out per latent and pool. */
  readonly random?: number;
  readonly hard?: number;
  /** Share of documents that go to the explainer. */
  readonly explainerShare?: number;
  /** Keep examples of these latents only (statistics are kept for all). */
  readonly latents?: readonly number[];
  /** Documents with the same group go to the same pool (questions made from one source, say); default: the document id. */
  readonly group?: (doc: string) => string;
}

export type ExampleSettings = Required<Omit<ExampleOptions, 'latents' | 'group'>> & Pick<ExampleOptions, 'latents' | 'group'>;

export const EXAMPLE_DEFAULTS: Required<Omit<ExampleOptions, 'latents' | 'group'>> = {
  seed: 0,
  window: 32,
  top: 10,
  sample: 40,
  quantiles: 10,
  background: 1000,
  random: 20,
  hard: 20,
  explainerShare: 0.5,
};
