import { tf } from '@salmon-sae/compute';
import { tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';
import type { CsrBuilder } from '../csr-builder.js';
import type { ResolvedConfig } from '../config.js';

/**
 * Matching pursuit on a tied dictionary (arXiv 2506.03093, as SAELens runs it): pick the latent with the largest inner product with the residual,
 * take its projection off, repeat. A row stops when its support no longer grows, when its residual is shorter than
 * `residual_threshold`, or after `max_iterations` (null: the width).
 */
export const matchingPursuitKernel: KernelFactory = (state, config): EncodeKernel => {
  const W_dec = weight<tf.Rank.R2>(state.weights['W_dec'], [config.d_sae, config.d_in]);
  return {
    encode: (x, rows, codes) => tiles(x, rows, config, (x_BD, n) => pursue(x_BD, n, { W_dec, config, codes })),
    dispose: () => W_dec.dispose(),
  };
};

interface Pursuit {
  readonly W_dec: tf.Tensor2D;
  readonly config: ResolvedConfig;
  readonly codes: CsrBuilder;
}

function pursue(x: tf.Tensor2D, rows: number, { W_dec, config, codes }: Pursuit): void {
  const chosen = Array.from({ length: rows }, () => new Map<number, number>());
  const active = new Float32Array(rows).fill(1);
  let left = rows;
  let residual = tf.keep(x.clone());
  for (let step = 0; step < (config.max_iterations ?? config.d_in) && left > 0; step++) {
    const [next, best, gain, norm] = tf.tidy(() => {
      const index = tf.relu(tf.matMul(residual, W_dec, false, true)).argMax(1);
      const direction = tf.gather(W_dec, index.toInt());
      const value = tf.relu(residual.mul(direction).sum(1)).mul(tf.tensor1d(active));
      const rest = residual.sub(value.expandDims(1).mul(direction));
      return [rest as tf.Tensor2D, index.toInt(), value, tf.norm(rest, 2, 1)] as const;
    });
    residual.dispose();
    residual = tf.keep(next);
    const indices = best.dataSync<'int32'>();
    const values = gain.dataSync<'float32'>();
    const norms = norm.dataSync<'float32'>();
    tf.dispose([best, gain, norm]);
    for (let row = 0; row < rows; row++) {
      if (active[row] === 0) continue;
      const support = chosen[row] as Map<number, number>;
      const value = values[row] as number;
      const before = support.get(indices[row] as number);
      if (value > 0) support.set(indices[row] as number, (before ?? 0) + value);
      const grew = value > 0 && before === undefined;
      const close = config.residual_threshold > 0 && (norms[row] as number) < config.residual_threshold;
      if ((config.stop_on_duplicate_support && !grew) || close) {
        active[row] = 0;
        left -= 1;
      }
    }
  }
  residual.dispose();
  for (const support of chosen) {
    for (const [index, value] of [...support].sort(([a], [b]) => a - b)) codes.push(index, value);
    codes.endRow();
  }
}
