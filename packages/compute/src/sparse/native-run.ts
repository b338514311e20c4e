import { rawBackend } from '../tensors/raw-op.js';
import { tf } from '../tf.js';

/** Runs one native op; all parameters are tensors. */
export function run(name: string, inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[] {
  const backend = rawBackend();
  if (backend === undefined) throw new Error('the TensorFlow backend is not active');
  return backend.executeMultipleOutputs(name, [], inputs, outputs);
}

/** Runs an op with scalar parameters as its last input; temporaries are freed. */
export function runWith(name: string, inputs: readonly tf.Tensor[], options: { readonly scalars: readonly number[]; readonly outputs: number }): tf.Tensor[] {
  const scalars = tf.tensor1d([...options.scalars]);
  const out = run(name, [...inputs, scalars], options.outputs);
  scalars.dispose();
  return out;
}

/** Runs an op for its effect in place. */
export function runInPlace(name: string, inputs: readonly tf.Tensor[], scalars?: readonly number[]): void {
  const out = scalars === undefined ? run(name, inputs, 1) : runWith(name, inputs, { scalars, outputs: 1 });
  for (const tensor of out) tensor.dispose();
}

/** What stands for an input that is left out. */
export function none(): tf.Tensor1D {
  return tf.tensor1d([], 'float32');
}
