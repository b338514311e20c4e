import type { CostMatrix } from './assignment.js';
import { assign } from './assignment.js';
import { forEachCosineBlock } from './cosine-blocks.js';
import type { Directions } from './directions.js';

export interface MatchedPair {
  /** Latent of the first and of the second SAE. */
  readonly a: number;
  readonly b: number;
  readonly encoder: number;
  readonly decoder: number;
  readonly shared: boolean;
}

export interface FeatureOverlap {
  /** `feature_overlap@1`: shared pairs / latents of the smaller SAE. */
  readonly share: number;
  readonly shared: number;
  /** One pair for each latent of the smaller SAE, best first. */
  readonly pairs: readonly MatchedPair[];
}

/** Both cosines must reach this to call two latents the same (Salmon's notebook). */
export const SHARED_COSINE = 0.7;

/**
 * `feature_overlap@1`: one-to-one Hungarian matching that maximises the sum over pairs of (cos_enc + cos_dec) / 2; a pair is shared
 * when both cosines are ≥ 0.7. Needs rows x columns * 12 bytes (4096 x 4096: 200 MB and a few seconds).
 */
export function featureOverlap(a: Directions, b: Directions, threshold = SHARED_COSINE): FeatureOverlap {
  if (a.latents > b.latents) {
    const turned = featureOverlap(b, a, threshold);
    return { ...turned, pairs: turned.pairs.map((p) => ({ ...p, a: p.b, b: p.a })) };
  }
  const size = a.latents * b.latents;
  const encoder = new Float32Array(size);
  const decoder = new Float32Array(size);
  const problem: CostMatrix = { rows: a.latents, columns: b.latents, cost: new Float32Array(size) };
  forEachCosineBlock(a, b, (block) => {
    const at = block.row * b.latents;
    encoder.set(block.encoder, at);
    decoder.set(block.decoder, at);
    for (let k = 0; k < block.encoder.length; k++) {
      problem.cost[at + k] = -0.5 * ((block.encoder[k] as number) + (block.decoder[k] as number));
    }
  });
  const pairs = Array.from(assign(problem), (j, i): MatchedPair => {
    const e = encoder[i * b.latents + j] as number;
    const d = decoder[i * b.latents + j] as number;
    return { a: i, b: j, encoder: e, decoder: d, shared: e >= threshold && d >= threshold };
  }).sort((p, q) => q.encoder + q.decoder - p.encoder - p.decoder);
  const shared = pairs.reduce((n, p) => n + (p.shared ? 1 : 0), 0);
  return { share: a.latents === 0 ? 0 : shared / a.latents, shared, pairs };
}
