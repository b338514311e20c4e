import { sparseOps, tf } from '@salmon-sae/compute';
import type { SparseCodes } from '@salmon-sae/dataflow';
import { tiles, weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';

/**
 * Switch and Scale SAEs: p = softmax((x - b_router) W_router) over N experts of F / N neighbouring latents each; the k largest activations among the
 * latents of the `active_experts` most probable experts, each times its expert's probability (arXiv 2410.08201, eq. 5; arXiv 2511.05745).
 */
export const switchKernel: KernelFactory = (state, config): EncodeKernel => {
  const { d_in: D, d_sae: F, experts: N, active_experts: active } = config;
  const k = config.k ?? F;
  const W_enc = weight<tf.Rank.R2>(state.weights['W_enc'], [D, F]);
  const b_enc = weight<tf.Rank.R1>(state.weights['b_enc'], [F]);
  const W_router = weight<tf.Rank.R2>(state.weights['W_router'], [D, N]);
  // Kernels get x without b_dec; the router reads x itself.
  const b_dec = config.apply_b_dec_to_input ? state.weights['b_dec']?.data : undefined;
  const b_router = tf.tensor1d((state.weights['b_router']?.data ?? new Float32Array(D)).map((value, i) => value - (b_dec?.[i] ?? 0)));
  return {
    encode: (x, rows, codes) =>
      tiles(x, rows, config, (x_BD, n) => {
        const probability = tf.softmax(tf.matMul<tf.Tensor2D>(x_BD.sub(b_router), W_router));
        const chosen = tf.topk(probability, active).indices;
        const open = tf.oneHot(chosen, N).sum(1).expandDims(2).tile([1, 1, F / N]).reshape([n, F]);
        const pre = tf.matMul<tf.Tensor2D>(x_BD, W_enc).add(b_enc);
        const acts = sparseOps().topK(tf.where(open.greater(0), pre, tf.zerosLike(pre)) as tf.Tensor2D, { k });
        codes.pushCodes(weighted(sparseOps().codes(acts, acts.value), probability.dataSync<'float32'>(), N));
      }),
    dispose: () => tf.dispose([W_enc, b_enc, W_router, b_router]),
  };
};

/** Activations times the probability [rows, N] of their expert. */
function weighted(codes: SparseCodes, probability: Float32Array, experts: number): SparseCodes {
  const { rows, latents, indptr, indices } = codes;
  const size = latents / experts;
  const values = Float32Array.from(codes.values);
  for (let row = 0; row < rows; row++) {
    for (let j = indptr[row] as number; j < (indptr[row + 1] as number); j++) {
      const expert = Math.floor((indices[j] as number) / size);
      values[j] = (values[j] as number) * (probability[row * experts + expert] as number);
    }
  }
  return { ...codes, values };
}
