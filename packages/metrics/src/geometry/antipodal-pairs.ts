import { forEachCosineBlock } from './cosine-blocks.js';
import type { Directions } from './directions.js';

export interface AntipodalPairs {
  /** [latents] s_i = max_{j≠i} cos(W_enc_i, W_enc_j) · cos(W_dec_i, W_dec_j) over j with both cosines negative; 0 where there is none. */
  readonly score: Float32Array;
  /** [latents] the j of that maximum; −1 where there is none. */
  readonly partner: Int32Array;
  /** [latents] the same maximum over j with both cosines positive: near-duplicates, which the plain s_i cannot tell apart. */
  readonly duplicateScore: Float32Array;
}

/** `antipodal@1` (Dense SAE Latents Are Features, arXiv 2506.15679): s → 1 for two latents that read opposite ends of one axis. */
export function antipodalPairs(directions: Directions): AntipodalPairs {
  const n = directions.latents;
  const score = new Float32Array(n);
  const partner = new Int32Array(n).fill(-1);
  const duplicateScore = new Float32Array(n);
  forEachCosineBlock(directions, directions, ({ row, rows, encoder, decoder }) => {
    for (let r = 0; r < rows; r++) {
      const i = row + r;
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        const e = encoder[r * n + j] as number;
        const d = decoder[r * n + j] as number;
        const s = e * d;
        if (e < 0 && d < 0 && s > (score[i] as number)) {
          score[i] = s;
          partner[i] = j;
        } else if (e > 0 && d > 0 && s > (duplicateScore[i] as number)) duplicateScore[i] = s;
      }
    }
  });
  return { score, partner, duplicateScore };
}
