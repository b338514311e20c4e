import { tf } from '../tf.js';

/** The part of the TensorFlow backend that runs ops by name; tfjs-core has no types for it. */
export interface RawBackend {
  readonly binding: RawBinding;
  executeMultipleOutputs(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.TensorInfo[], outputs: number): tf.Tensor[];
  getInputTensorIds(inputs: readonly tf.TensorInfo[]): number[];
  createOutputTensor(output: RawOutput): tf.Tensor;
  readonly isUsingGpuDevice: boolean;
}

export interface RawBinding {
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_Version?: string;
  executeOp(name: string, attributes: readonly OpAttribute[], inputs: readonly number[], outputs: number): RawOutput[];
  deleteTensor(id: number): void;
}

export interface RawOutput {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | readonly number[];
}

/** The TensorFlow backend, or undefined where another one is active. */
export function rawBackend(): RawBackend | undefined {
  if (tf.getBackend() !== 'tensorflow') return undefined;
  return tf.backend() as unknown as RawBackend;
}
