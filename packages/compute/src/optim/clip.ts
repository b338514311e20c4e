import type { NamedTensors } from '../tensors/named-tensors.js';
import { tf } from '../tf.js';

/** Global L2 norm over all gradients, as a scalar tensor. */
export function globalNorm(grads: NamedTensors): tf.Scalar {
  return tf.tidy(() => tf.sqrt(tf.addN(Object.values(grads).map((grad) => tf.sum(tf.square(grad))))) as tf.Scalar);
}

/** The factor min(1, limit / (norm + 1e-6)) of PyTorch's clip_grad_norm_. */
export function clipFactor(norm: number, limit: number): number {
  return Math.min(1, limit / (norm + 1e-6));
}

/** Gradients scaled down together to a global norm of at most `limit` (new tensors), and the norm before clipping (scalar tensor). */
export function clipGlobalNorm(grads: NamedTensors, limit: number): { readonly grads: NamedTensors; readonly norm: tf.Scalar } {
  const norm = globalNorm(grads);
  const factor = tf.tidy(() => tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6))));
  const clipped = Object.fromEntries(Object.entries(grads).map(([name, grad]) => [name, tf.mul(grad, factor)]));
  factor.dispose();
  return { grads: clipped, norm };
}
