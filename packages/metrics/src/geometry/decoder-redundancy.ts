import { forEachCosineBlock } from './cosine-blocks.js';
import type { Directions } from './directions.js';

export interface DecoderRedundancy {
  /** `decoder_redundant@1`: share of latents with max_{j≠i} cos(W_dec_i, W_dec_j) > 0.9 (Switch SAE, arXiv 2410.08201). */
  readonly share: number;
  /** `decoder_nearest_cosine@1`: mean over latents of that maximum; over a width sweep it shows tiling of manifolds (arXiv 2509.02565). */
  readonly meanNearest: number;
  /** [latents] that maximum; −1 for a single latent. */
  readonly nearest: Float32Array;
}

export function decoderRedundancy(directions: Directions, threshold = 0.9): DecoderRedundancy {
  const n = directions.latents;
  const nearest = new Float32Array(n).fill(-1);
  forEachCosineBlock(directions, directions, ({ row, rows, decoder }) => {
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < n; j++) {
        if (j !== row + r && (decoder[r * n + j] as number) > (nearest[row + r] as number)) nearest[row + r] = decoder[r * n + j] as number;
      }
    }
  });
  let redundant = 0;
  let sum = 0;
  for (const c of nearest) {
    if (c > threshold) redundant++;
    sum += c;
  }
  return { share: redundant / n, meanNearest: sum / n, nearest };
}
