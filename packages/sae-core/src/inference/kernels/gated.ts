import { sparseOps, tf } from '@salmon-sae/compute';
import { collect, encoderRows, tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';

/** f = 1[x W_enc + b_gate > 0] * relu(x (W_enc * exp(r_mag)) + b_mag) (arXiv 2404.16014, eq. 6 and 7). */
export const gatedKernel: KernelFactory = (state, config): EncodeKernel => {
  const F: [number] = [config.d_sae];
  const rows_FD = encoderRows(state.weights['W_enc'], config);
  const b_gate = weight<tf.Rank.R1>(state.weights['b_gate'], F);
  const b_mag = weight<tf.Rank.R1>(state.weights['b_mag'], F);
  const gain = tf.tidy(() => tf.exp(weight<tf.Rank.R1>(state.weights['r_mag'], F)));
  const zeros = tf.zeros<tf.Rank.R1>(F);
  return {
    encode: (x, rows, codes) =>
      tiles(x, rows, config, (x_BD) => {
        const h = tf.matMul<tf.Tensor2D>(x_BD, rows_FD, false, true);
        const magnitude: tf.Tensor2D = h.mul(gain).add(b_mag);
        const gated = tf.where(h.add(b_gate).greater(0), magnitude, tf.zerosLike(magnitude));
        collect(sparseOps().sparsify(gated, { threshold: zeros }), codes);
      }),
    dispose: () => tf.dispose([rows_FD, b_gate, b_mag, gain, zeros]),
  };
};
