import { sparseOps, tf } from '@salmon-sae/compute';
import { collect, tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';

/**
 * f = pre * 1[pre > threshold], strictly (arXiv 2407.14435, eq. 3), and never negative: relu holds under a negative threshold too, which is
 * what a threshold of at least 0 does.
 */
export const jumpreluKernel: KernelFactory = (state, config): EncodeKernel => {
  const W_enc = weight<tf.Rank.R2>(state.weights['W_enc'], [config.d_in, config.d_sae]);
  const b_enc = weight<tf.Rank.R1>(state.weights['b_enc'], [config.d_sae]);
  const threshold = tf.tidy(() => tf.relu(weight<tf.Rank.R1>(state.weights['threshold'], [config.d_sae])));
  return {
    encode: (x, rows, codes) =>
      tiles(x, rows, config, (x_BD) => collect(sparseOps().sparsify(tf.matMul<tf.Tensor2D>(x_BD, W_enc), { bias: b_enc, threshold }), codes)),
    dispose: () => tf.dispose([W_enc, b_enc, threshold]),
  };
};
