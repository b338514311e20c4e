import type { Accumulator } from '../accumulator.js';
import { cosine } from '../reconstruction/cosine.js';
import { fveResidualVariance } from '../reconstruction/fve-residual-variance.js';
import { l0, l1 } from '../reconstruction/l0.js';
import { l2Ratio } from '../reconstruction/l2-ratio.js';
import { errorNorm } from '../reconstruction/mse.js';
import { relativeReconstructionBias } from '../reconstruction/relative-reconstruction-bias.js';
import type { PeerBatch } from './batch-moments.js';
import { batchMoments } from './batch-moments.js';
import type { PeerMetrics } from './saelens.js';

const KEYS = {
  l2_loss: errorNorm,
  l1_loss: l1,
  l0,
  frac_variance_explained: fveResidualVariance,
  cossim: cosine,
  l2_ratio: l2Ratio,
  relative_reconstruction_bias: relativeReconstructionBias,
} as const;

/**
 * dictionary_learning's `evaluate` keys (the Salmon authors' evaluation): each metric per batch, then the plain mean over batches;
 * `frac_alive` over everything seen.
 */
export function dictionaryLearningMetrics(): Accumulator<PeerBatch, PeerMetrics> {
  const sum: Record<string, number> = {};
  let batches = 0;
  let alive = new Uint8Array(0);
  return {
    add: (batch) => {
      const m = batchMoments(batch);
      batches++;
      for (const [key, metric] of Object.entries(KEYS)) sum[key] = (sum[key] ?? 0) + metric.of(m);
      if (alive.length === 0) alive = new Uint8Array(batch.codes.latents);
      for (let i = 0; i < batch.codes.indices.length; i++) {
        if (batch.codes.values[i] !== 0) alive[batch.codes.indices[i] as number] = 1;
      }
    },
    value: () => ({
      ...Object.fromEntries(Object.entries(sum).map(([key, total]) => [key, total / batches])),
      frac_alive: alive.reduce((n, a) => n + a, 0) / alive.length,
    }),
  };
}
