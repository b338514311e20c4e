import { forEachCosineBlock } from './cosine-blocks.js';
import type { Directions } from './directions.js';
import { SHARED_COSINE } from './feature-overlap.js';

export interface Counterpart {
  readonly latent: number;
  /** Most similar latent of the other SAE by min(cos_enc, cos_dec); −1 when it has none at all. */
  readonly nearest: number;
  readonly similarity: number;
}

export interface UniqueLatents {
  /** `latents_unique@1`: share of the SAE's latents without a counterpart. */
  readonly share: number;
  /** The latents without a counterpart, least similar first. */
  readonly unique: readonly Counterpart[];
  /** For every latent, in order. */
  readonly nearest: readonly Counterpart[];
}

/**
 * `latents_unique@1`: latents of `a` for which no latent of `b` has both cosines ≥ 0.7. Many-to-one, so it does not call a latent new
 * only because its counterpart was matched to a duplicate. Pass live latents only, or dead ones count as unique.
 */
export function uniqueLatents(a: Directions, b: Directions, threshold = SHARED_COSINE): UniqueLatents {
  const nearest: Counterpart[] = [];
  forEachCosineBlock(a, b, ({ row, rows, encoder, decoder }) => {
    for (let r = 0; r < rows; r++) {
      let best = Number.NEGATIVE_INFINITY;
      let at = -1;
      for (let j = 0; j < b.latents; j++) {
        const s = Math.min(encoder[r * b.latents + j] as number, decoder[r * b.latents + j] as number);
        if (s <= best) continue;
        best = s;
        at = j;
      }
      nearest.push({ latent: row + r, nearest: at, similarity: best });
    }
  });
  const unique = nearest.filter((c) => c.similarity < threshold).sort((p, q) => p.similarity - q.similarity);
  return { share: a.latents === 0 ? 0 : unique.length / a.latents, unique, nearest };
}
