import { nativeOpsOnProcessor } from '../sparse/native-module.js';
import { run, runWith } from '../sparse/native-run.js';
import { tf } from '../tf.js';

/** Chains of elementwise steps of a language model in one pass over memory each; float32, equal to the steps to about 1e-6. Not differentiable. */
export interface FusedOps {
  /** GELU (tanh form) or SiLU of x, times `times` of the same shape where given (the gated linear unit). */
  gated<T extends tf.Tensor>(kind: 'gelu-tanh' | 'silu', x: T, times?: T): T;
  /** x [..., d] / sqrt(mean(x^2) + eps) * gain [d]. */
  rmsNorm<T extends tf.Tensor>(x: T, gain: tf.Tensor1D, eps: number): T;
  /** softmax over the keys of (cap * tanh(scores) if a cap is given, else scores) + mask; scores [rows, heads, queries, keys], mask [rows or 1, 1, queries, keys]. */
  attentionWeights(scores: tf.Tensor4D, mask: tf.Tensor4D, cap?: number): tf.Tensor4D;
}

const KINDS = ['gelu-tanh', 'silu'] as const;

const native: FusedOps = {
  gated: <T extends tf.Tensor>(kind: 'gelu-tanh' | 'silu', x: T, times?: T): T =>
    tf.tidy(() => runWith('SalmonGated', [x, times ?? tf.tensor1d([])], { scalars: [KINDS.indexOf(kind)], outputs: 1 })[0] as T),
  rmsNorm: <T extends tf.Tensor>(x: T, gain: tf.Tensor1D, eps: number): T => runWith('SalmonRmsNorm', [x, gain], { scalars: [eps], outputs: 1 })[0] as T,
  attentionWeights: (scores, mask, cap = 0) => tf.tidy(() => run('SalmonAttentionWeights', [scores, mask, tf.tensor1d([cap])], 1)[0] as tf.Tensor4D),
};

/** The native ops, or undefined where the single steps must serve (other backends, a GPU). Call after `await useBackend()`. */
export function fusedOps(): FusedOps | undefined {
  return nativeOpsOnProcessor() ? native : undefined;
}
