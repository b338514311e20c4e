import { reduce } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';

/** How active each latent was on a text. */
export interface LatentActivity {
  readonly rows: number;
  /** [F] tokens on which the latent was active. */
  readonly fired: Float64Array;
  /** [F] sum of activations, in raw activation units. */
  readonly mass: Float64Array;
}

/** Counts over a whole stream how often each latent fires; emits once, at the end. Buffers two numbers per latent. */
export function latentActivity(sae: Sae): OperatorFunction<ActivationBatch, LatentActivity> {
  return reduce<ActivationBatch, LatentActivity>(
    (sum, batch) => {
      const codes = sae.encode(batch.values, batch.rows);
      for (let i = 0; i < codes.indices.length; i++) {
        const latent = codes.indices[i]!;
        sum.fired[latent]!++;
        sum.mass[latent]! += codes.values[i]!;
      }
      return { ...sum, rows: sum.rows + batch.rows };
    },
    { rows: 0, fired: new Float64Array(sae.latents), mass: new Float64Array(sae.latents) },
  );
}

/** The `count` latents with the largest scores, largest first; ties go to the lower index. */
export function largest(scores: ArrayLike<number>, count: number): Int32Array {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i);
  return order.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, count);
}
