import { sparseOps, tf } from '@salmon-sae/compute';
import { collect, tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';

/** From as many rows on, screening pays for bringing the weights into the processor's form. */
const SCREENED_ROWS = 32;

/**
 * f = pre * 1[pre > threshold], strictly (arXiv 2407.14435, eq. 3), and never negative: relu holds under a negative threshold too, which is
 * what a threshold of at least 0 does.
 */
export const jumpreluKernel: KernelFactory = (state, config): EncodeKernel => {
  const ops = sparseOps();
  const columns = weight<tf.Rank.R2>(state.weights['W_enc'], [config.d_in, config.d_sae]);
  // By latent where the processor can screen, which takes the rows of both sides.
  const W_enc = ops.canScreen() ? tf.transpose(columns) : columns;
  if (W_enc !== columns) columns.dispose();
  const bias = weight<tf.Rank.R1>(state.weights['b_enc'], [config.d_sae]);
  const threshold = tf.tidy(() => tf.relu(weight<tf.Rank.R1>(state.weights['threshold'], [config.d_sae])));
  return {
    encode: (x, rows, codes) => {
      if (ops.canScreen() && rows >= SCREENED_ROWS) {
        tf.tidy(() => collect(ops.sparsifyProduct(tf.tensor2d(x, [rows, config.d_in]), W_enc, { bias, threshold }), codes));
        return;
      }
      tiles(x, rows, config, (x_BD) => collect(ops.sparsify(tf.matMul<tf.Tensor2D>(x_BD, W_enc, false, ops.canScreen()), { bias, threshold }), codes));
    },
    dispose: () => tf.dispose([W_enc, bias, threshold]),
  };
};
