import { sparseOps, tf } from '@salmon-sae/compute';
import { collect, tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';

/** f = relu(x W_enc + b_enc). */
export const standardKernel: KernelFactory = (state, config): EncodeKernel => {
  const W_enc = weight<tf.Rank.R2>(state.weights['W_enc'], [config.d_in, config.d_sae]);
  const b_enc = weight<tf.Rank.R1>(state.weights['b_enc'], [config.d_sae]);
  const zeros = tf.zeros<tf.Rank.R1>([config.d_sae]);
  return {
    encode: (x, rows, codes) =>
      tiles(x, rows, config, (x_BD) => collect(sparseOps().sparsify(tf.matMul<tf.Tensor2D>(x_BD, W_enc), { bias: b_enc, threshold: zeros }), codes)),
    dispose: () => tf.dispose([W_enc, b_enc, zeros]),
  };
};
