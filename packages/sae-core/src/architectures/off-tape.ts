import { tf } from '@salmon-sae/compute';

/**
 * Computes a tensor that automatic differentiation treats as a constant. Ops inside a custom gradient are not recorded, and its
 * only input is a constant, so nothing flows back: cheaper than returning zero gradients, and allows ops without a gradient (top-k).
 */
export function offTape<T extends tf.Tensor>(compute: () => T): T {
  const op = tf.customGrad(() => ({ value: tf.clone(compute()), gradFunc: () => [tf.scalar(0)] }));
  return op(tf.scalar(0)) as T;
}
