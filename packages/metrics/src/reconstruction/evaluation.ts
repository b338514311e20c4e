import type { Sampled } from '../documents/estimate.js';

/** What one pass over activations says about one SAE. */
export interface SaeReconstruction {
  readonly sae: string;
  readonly metrics: Readonly<Record<string, Sampled>>;
  readonly latents: LatentActivity;
}

/** How often and how strongly each latent fired. */
export interface LatentActivity {
  readonly tokens: number;
  /** [latents] tokens on which the latent was not zero. */
  readonly counts: Float64Array;
  /** [latents] Σ|f|. */
  readonly mass: Float64Array;
}

export interface ReconstructionEvaluation {
  readonly tokens: number;
  readonly documents: number;
  /** Where the centre of `fve_token@1` came from. */
  readonly centre: 'given' | 'all rows' | 'first rows';
  readonly saes: readonly SaeReconstruction[];
}
