import { forEachCosineBlock } from './cosine-blocks.js';
import type { Directions } from './directions.js';
import { SHARED_COSINE } from './feature-overlap.js';

export interface FeatureSplitting {
  /** `feature_splitting@1`: of the narrow SAE's latents with any counterpart in the wide one, the share that has two or more. */
  readonly share: number;
  /** Mean number of counterparts of those latents. */
  readonly meanParts: number;
  /** [narrow latents] wide latents with both cosines ≥ threshold whose best narrow latent is this one. */
  readonly parts: Int32Array;
}

/**
 * `feature_splitting@1`: every latent of the wide SAE goes to its most similar narrow latent (by min(cos_enc, cos_dec)), if that
 * similarity is ≥ 0.7; a narrow latent is split when several wide latents go to it.
 */
export function featureSplitting(narrow: Directions, wide: Directions, threshold = SHARED_COSINE): FeatureSplitting {
  const parts = new Int32Array(narrow.latents);
  forEachCosineBlock(wide, narrow, ({ rows, encoder, decoder }) => {
    for (let r = 0; r < rows; r++) {
      let best = threshold;
      let at = -1;
      for (let i = 0; i < narrow.latents; i++) {
        const s = Math.min(encoder[r * narrow.latents + i] as number, decoder[r * narrow.latents + i] as number);
        if (s < best) continue;
        best = s;
        at = i;
      }
      if (at !== -1) parts[at] = (parts[at] as number) + 1;
    }
  });
  const found = parts.filter((n) => n > 0);
  const total = found.reduce((a, b) => a + b, 0);
  return {
    share: found.length === 0 ? 0 : found.filter((n) => n > 1).length / found.length,
    meanParts: found.length === 0 ? 0 : total / found.length,
    parts,
  };
}
