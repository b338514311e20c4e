import { tf } from '@salmon-sae/compute';
import { offTape } from './off-tape.js';

/** [B, F] 1 at the k largest entries of each row, else 0. Ties with the k-th value are all kept; constant for the gradient. */
export function rowTopK(values: tf.Tensor2D, k: number): tf.Tensor2D {
  return offTape(() => {
    const kept = Math.min(k, values.shape[1]);
    const largest = tf.topk(values, kept, true).values;
    const kth = tf.slice2d(largest, [0, kept - 1], [values.shape[0], 1]);
    return tf.cast(tf.greaterEqual(values, kth), 'float32') as tf.Tensor2D;
  });
}

/** [B, F] 1 at the n largest entries of the whole batch, else 0. Ties as in `rowTopK`; constant for the gradient. */
export function batchTopK(values: tf.Tensor2D, n: number): tf.Tensor2D {
  return offTape(() => {
    if (n < 1) return tf.zerosLike(values);
    const kept = Math.min(n, values.size);
    const nth = tf.min(tf.topk(tf.reshape(values, [1, -1]), kept, false).values);
    return tf.cast(tf.greaterEqual(values, nth), 'float32') as tf.Tensor2D;
  });
}

/** Smallest positive entry; +Infinity where there is none. */
export function smallestPositive(codes: tf.Tensor2D, axis?: number): tf.Tensor {
  return offTape(() => tf.min(tf.where(tf.greater(codes, 0), codes, tf.fill(codes.shape, Infinity)), axis));
}
