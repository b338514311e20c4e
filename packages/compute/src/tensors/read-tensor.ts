import { tf } from '../tf.js';

/**
 * Runs `compute` in a scope of its own and reads its result back. The array must not be the scope's return value:
 * `tf.tidy` searches what it returns for tensors, element by element, which costs seconds for millions of numbers.
 */
export function readTensor(compute: () => tf.Tensor): Float32Array<ArrayBuffer> {
  let values = new Float32Array(0);
  tf.tidy(() => {
    values = compute().dataSync<'float32'>() as Float32Array<ArrayBuffer>;
  });
  return values;
}
