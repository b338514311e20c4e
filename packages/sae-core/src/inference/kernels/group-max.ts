import { tf } from '@salmon-sae/compute';
import { encoderRows, tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';

/** sparsify's group-max: latents fall into k contiguous groups of equal size; each row keeps the largest relu(pre) of every group. */
export const groupMaxKernel: KernelFactory = (state, config): EncodeKernel => {
  const k = config.k ?? config.d_sae;
  const size = config.d_sae / k;
  const rows_FD = encoderRows(state.weights['W_enc'], config);
  const b_enc = weight<tf.Rank.R1>(state.weights['b_enc'], [config.d_sae]);
  const offsets = tf.tensor1d(Int32Array.from({ length: k }, (_, group) => group * size), 'int32');
  return {
    encode: (x, rows, codes) =>
      tiles(x, rows, config, (x_BD, n) => {
        const pre = tf.matMul<tf.Tensor2D>(x_BD, rows_FD, false, true).add(b_enc).reshape([n, k, size]);
        const indices = pre.argMax(2).toInt().add(offsets);
        codes.pushCandidates(indices.dataSync<'int32'>(), pre.max(2).dataSync<'float32'>(), k);
      }),
    dispose: () => tf.dispose([rows_FD, b_enc, offsets]),
  };
};
