import { defer, map, reduce } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import type { LatentActivity } from '../reconstruction/evaluation.js';
import { latentCounts, totalCounts } from './latent-counts.js';

/** Counts over a whole stream how often and how strongly each latent fires; emits once, at the end. Buffers two numbers per latent. */
export function latentActivity(sae: Pick<Sae, 'latents' | 'encode'>): OperatorFunction<ActivationBatch, LatentActivity> {
  return (source) =>
    defer(() => {
      const counts = latentCounts(sae.latents, 1);
      return source.pipe(
        reduce((sum, batch) => {
          sum.add(sae.encode(batch.values, batch.rows), new Int32Array(batch.rows));
          return sum;
        }, counts),
        map(({ tokens, mass }) => ({ tokens: tokens[0] as number, counts: totalCounts(counts), mass })),
      );
    });
}
