import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import { weight } from './kernel.js';
import type { EncodeKernel, KernelFactory } from './kernel.js';
import type { ResolvedConfig } from '../config.js';

/** Keeps a row with no prediction from dividing by zero. */
const EPS = 1e-6;

/**
 * Temporal SAE (arXiv 2511.01836): attention over the codes of earlier positions predicts part of each activation; the codes are
 * those of what is left ("novel"). Rows come as whole sequences; the reconstruction needs the predicted codes as well.
 */
export const temporalKernel: KernelFactory = (state, config, options): EncodeKernel => {
  const { d_in: D, d_sae: F } = config;
  const W_dec = weight<tf.Rank.R2>(state.weights['W_dec'], [F, D]);
  const W_enc = config.tied_weights ? undefined : weight<tf.Rank.R2>(state.weights['W_enc'], [D, F]);
  const layers = Array.from({ length: config.n_attn_layers }, (_, layer) => attentionLayer(state.weights, layer, config));
  let predicted = new Float32Array(0);
  // lambda = 1 / (4 d) scales inputs before the encoder in every stage.
  const encodeWith = (x: tf.Tensor2D): tf.Tensor2D => tf.relu(tf.matMul(x.mul(1 / (4 * D)), W_enc ?? W_dec, false, W_enc === undefined));
  return {
    encode: (x, rows, codes) => {
      const T = options.sequence ?? rows;
      if (T <= 0 || rows % T !== 0) {
        throw new SalmonError('bad-shape', { what: 'Rows do not make whole sequences', where: 'temporal SAE', expected: `a multiple of ${T} rows`, got: `${rows}` });
      }
      predicted = new Float32Array(rows * F);
      for (let from = 0; from < rows; from += T) {
        tf.tidy(() => {
          let residual = tf.tensor2d(x.subarray(from * D, (from + T) * D), [T, D]);
          let z_pred: tf.Tensor2D = tf.zeros([T, F]);
          for (const layer of layers) {
            const z = encodeWith(residual);
            const context = tf.concat([tf.zeros<tf.Rank.R2>([1, F]), z.slice([0, 0], [T - 1, F])], 0);
            const guess = tf.relu(layer.attend(context, z));
            const direction = guess.matMul<tf.Tensor2D>(W_dec);
            const norm = tf.norm(direction, 2, 1, true).add(EPS);
            const scale = direction.mul(residual).sum(1, true).div(norm.square());
            z_pred = z_pred.add(guess.mul(scale));
            residual = residual.sub(direction.mul(scale));
          }
          predicted.set(z_pred.dataSync<'float32'>(), from * F);
          const novel = encodeWith(residual);
          if (config.sae_diff_type === 'topk' && config.kval_topk !== null) {
            const { values, indices } = tf.topk(novel, config.kval_topk);
            codes.pushCandidates(indices.dataSync<'int32'>(), values.dataSync<'float32'>(), config.kval_topk);
          } else codes.pushDense(novel.dataSync<'float32'>());
        });
      }
    },
    predicted: () => predicted,
    dispose: () => {
      tf.dispose([W_dec, W_enc]);
      for (const layer of layers) layer.dispose();
    },
  };
};

interface AttentionLayer {
  attend(context: tf.Tensor2D, target: tf.Tensor2D): tf.Tensor2D;
  dispose(): void;
}

/** Causal attention of `target` on `context`, both [T, F]; keys and queries live in F / bottleneck_factor dimensions. */
function attentionLayer(weights: Readonly<Record<string, NdArray>>, layer: number, config: ResolvedConfig): AttentionLayer {
  const { d_sae: F, n_heads: heads } = config;
  const inner = F / config.bottleneck_factor;
  const linear = (part: string, size: number): readonly [tf.Tensor2D, tf.Tensor1D] => [
    weight<tf.Rank.R2>(weights[`attn_layers.${layer}.${part}.weight`], [size, F]),
    weight<tf.Rank.R1>(weights[`attn_layers.${layer}.${part}.bias`], [size]),
  ];
  const k_ctx = linear('k_ctx', inner);
  const q_target = linear('q_target', inner);
  const v_ctx = linear('v_ctx', F);
  const c_proj = linear('c_proj', F);
  const project = (x: tf.Tensor2D, [w, b]: readonly [tf.Tensor2D, tf.Tensor1D]): tf.Tensor2D => tf.matMul(x, w, false, true).add(b);
  const split = (x: tf.Tensor2D, T: number): tf.Tensor3D => x.reshape<tf.Tensor3D>([T, heads, -1]).transpose([1, 0, 2]);
  return {
    attend: (context, target) => {
      const T = context.shape[0];
      const query = split(project(target, q_target), T);
      const scores = tf.matMul(query, split(project(context, k_ctx), T), false, true).div(Math.sqrt(inner / heads));
      const seen = tf.linalg.bandPart(tf.ones<tf.Rank.R2>([T, T]), -1, 0);
      const masked = tf.where(seen.expandDims(0).greater(0).broadcastTo([heads, T, T]), scores, tf.fill([heads, T, T], -Infinity));
      const mixed = tf.matMul(tf.softmax(masked), split(project(context, v_ctx), T));
      return project(mixed.transpose([1, 0, 2]).reshape([T, F]), c_proj);
    },
    dispose: () => tf.dispose([...k_ctx, ...q_target, ...v_ctx, ...c_proj]),
  };
}
