import type { Explained } from '../explain/explainer.js';

/** A window as a judge gets it: text only, never activations or the answer. */
export interface ShownWindow {
  readonly ids: Int32Array;
  readonly offset: number;
  /** [tokens] 1 = marked; only in fuzzing. */
  readonly marks?: Uint8Array;
}

export interface Verdict {
  /** How sure the judge is that the answer is yes, 0..1; a judge without shades says 0 or 1. */
  readonly probability: number;
  readonly yes: boolean;
}

/** Applies explanations to windows. An answer that could not be read is undefined and counted as a failure. */
export interface Judge {
  readonly method: string;
  /** Does the explained latent fire somewhere in the window? */
  detect(explained: Explained, windows: readonly ShownWindow[]): Promise<readonly (Verdict | undefined)[]>;
  /** Are the marked tokens those on which the explained latent fires? */
  fuzz(explained: Explained, windows: readonly ShownWindow[]): Promise<readonly (Verdict | undefined)[]>;
  /** Expected activation of each token, on any scale. */
  simulate(explained: Explained, windows: readonly ShownWindow[]): Promise<readonly (Float32Array | undefined)[]>;
}
