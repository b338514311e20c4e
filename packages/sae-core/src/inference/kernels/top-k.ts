import { sparseOps, tf } from '@salmon-sae/compute';
import { rowNorms } from '../decode-rows.js';
import { collect, encoderRows, tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';

/**
 * The k largest pre-activations of each row, then relu (arXiv 2406.04093, eq. 1); relu first, as sparsify does, keeps the same codes.
 * With `rescale_acts_by_decoder_norm`, pre-activations are multiplied by the norm of their decoder row before the choice.
 */
export const topKKernel: KernelFactory = (state, config): EncodeKernel => {
  const k = config.k ?? config.d_sae;
  const rows_FD = encoderRows(state.weights['W_enc'], config);
  const b_enc = weight<tf.Rank.R1>(state.weights['b_enc'], [config.d_sae]);
  const decoder = state.weights['W_dec'];
  const norms =
    config.rescale_acts_by_decoder_norm && decoder !== undefined ? tf.tensor1d(rowNorms(decoder.data, config.d_sae)) : undefined;
  return {
    encode: (x, rows, codes) =>
      tiles(x, rows, config, (x_BD) => {
        const pre: tf.Tensor2D = tf.matMul<tf.Tensor2D>(x_BD, rows_FD, false, true);
        const ops = sparseOps();
        collect(norms === undefined ? ops.topK(pre, { bias: b_enc, k }) : ops.topK(pre.add<tf.Tensor2D>(b_enc).mul<tf.Tensor2D>(norms), { k }), codes);
      }),
    dispose: () => tf.dispose([rows_FD, b_enc, norms]),
  };
};
