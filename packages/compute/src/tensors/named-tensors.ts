import type { tf } from '../tf.js';

/** Parameters, gradients or optimizer slots by name. */
export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

export function disposeAll(tensors: NamedTensors): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
