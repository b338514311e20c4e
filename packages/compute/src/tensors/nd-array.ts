import type { NdArray } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';

/** Moves an array to the backend. The tensor may share the array's memory: do not write to the array while the tensor lives. */
export function toTensor(array: NdArray): tf.Tensor {
  const size = array.shape.reduce((product, n) => product * n, 1);
  if (size !== array.data.length) {
    throw new SalmonError('bad-shape', {
      what: 'An array does not fill its shape',
      expected: `${size} values for shape [${array.shape.join(', ')}]`,
      got: `${array.data.length} values`,
    });
  }
  return tf.tensor(array.data, [...array.shape], 'float32');
}

/** Reads a float32 tensor back into memory of its own. */
export function fromTensor(tensor: tf.Tensor): NdArray {
  if (tensor.dtype !== 'float32') {
    throw new SalmonError('bad-shape', { what: 'Only float32 tensors become arrays', expected: 'float32', got: tensor.dtype });
  }
  return { shape: [...tensor.shape], data: Float32Array.from(tensor.dataSync<'float32'>()) };
}
