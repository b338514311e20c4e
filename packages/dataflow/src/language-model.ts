import type { TokenRows } from './currency.js';

/**
 * What analysis packages may ask of a language model. `activations` implements it on TensorFlow.js;
 * anything that fills the interface (a remote model, a test double with known answers) serves as well.
 */
export interface LanguageModel {
  readonly info: LanguageModelInfo;
  readonly tokenizer: Tokenizer;
  /** Width of a hook's activations, or throws `SalmonError('unknown-hook')` naming the hooks that exist. */
  hookWidth(hook: string): number;
  /** Runs the model on token rows, stopping after the deepest thing asked for. */
  forward(rows: TokenRows, request: ForwardRequest): ForwardResult;
  /** Clean loss plus the loss under each variant of interventions; the clean prefix is computed once. */
  scoreEdits(rows: TokenRows, variants: readonly (readonly Edit[])[]): LossScores;
  /**
   * Effect of directions [n, width] at the end of the residual stream on the logits (through the final norm's gain and
   * the unembedding, without the norm's division or soft-cap): the k most promoted and most suppressed tokens each.
   */
  logitEffects(directions: Float32Array, n: number, k: number): readonly TokenEffects[];
  dispose(): void;
}

export interface LanguageModelInfo {
  readonly id: string;
  readonly family: string;
  /** Hash of config, weights and tokenizer files. */
  readonly hash: string;
  readonly layers: number;
  readonly width: number;
  readonly vocabulary: number;
  /** Longest context the model was made for. */
  readonly context: number;
  readonly parameters: number;
  /** Arithmetic of the matrix products, where the implementation has a choice. */
  readonly precision?: 'f32' | 'bf16';
}

export interface Tokenizer {
  readonly hash: string;
  readonly vocabulary: number;
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  /** Padding id; EOS or 0 where the model has none (the mask tells padding from text). */
  readonly pad: number;
  /** Every special id (BOS, EOS, PAD, UNK, control tokens). */
  readonly specials: ReadonlySet<number>;
  /** Ids of a text, without BOS/EOS. */
  encode(text: string): Int32Array;
  decode(ids: ArrayLike<number>): string;
  /** The surface form of one token as it stands in text (leading space kept). */
  token(id: number): string;
}

export interface ForwardRequest {
  /** Hooks whose activations are wanted. */
  readonly hooks?: readonly string[];
  readonly logits?: boolean;
  /** Per-token next-token cross-entropy, in nats. */
  readonly crossEntropy?: boolean;
  readonly edits?: readonly Edit[];
}

export interface ForwardResult {
  /** hook -> [rows * context * hookWidth] */
  readonly activations: Readonly<Record<string, Float32Array>>;
  /** [rows * context * vocabulary] */
  readonly logits?: Float32Array;
  /** [rows * (context - 1)]: loss of predicting token t+1 at position t; 0 where token t+1 is padding. */
  readonly crossEntropy?: Float32Array;
}

/** An intervention at one hook. `where` [rows * context]: 1 = edit this position; default: every position. */
export type Edit = { readonly hook: string; readonly where?: Uint8Array } & EditAction;

export type EditAction =
  /** New values [rows * context * width]. */
  | { readonly kind: 'replace'; readonly values: Float32Array }
  /** New values computed from the current ones: fn gets [rows * context * width] and returns as many. */
  | { readonly kind: 'map'; readonly fn: (values: Float32Array, width: number) => Float32Array }
  /** Adds a vector [width], times `strength`, at each position. */
  | { readonly kind: 'add'; readonly vector: Float32Array; readonly strength?: number }
  | { readonly kind: 'scale'; readonly factor: number }
  | { readonly kind: 'zero' }
  /** Mean over the edited positions of this batch, or the vector given. */
  | { readonly kind: 'mean'; readonly vector?: Float32Array }
  /** Activations of other positions of the batch, drawn with the seed. */
  | { readonly kind: 'resample'; readonly seed: number };

export interface LossScores {
  /** [rows * (context - 1)], 0 where the predicted token is padding. */
  readonly clean: Float32Array;
  readonly variants: readonly {
    readonly crossEntropy: Float32Array;
    /** KL(clean || edited) of the next-token distribution at each predicting position, in nats. */
    readonly kl: Float32Array;
  }[];
  /** [rows * (context - 1)] 1 = counted (both the position and its next token are real). */
  readonly counted: Uint8Array;
}

export interface TokenEffects {
  readonly promoted: readonly { readonly id: number; readonly value: number }[];
  readonly suppressed: readonly { readonly id: number; readonly value: number }[];
}
