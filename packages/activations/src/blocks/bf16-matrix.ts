import { tf } from '@salmon-sae/compute';
import type { Matrix } from './pass.js';

/** TensorFlow's DataType numbers (tensorflow/core/framework/types.proto); tfjs-core knows no bfloat16. */
const FLOAT = 1;
const BFLOAT16 = 14;

/** A matrix that rests on the backend in bfloat16, outside of tfjs-core's sight. */
export interface Bf16Matrix {
  /** x @ W^T: operands in bfloat16, sums in float32, result float32. */
  product(x: Matrix): Matrix;
  /** Rows as float32. */
  rows(indices: tf.Tensor1D): Matrix;
  dispose(): void;
}

interface RawOutput {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

interface RawBackend {
  readonly binding: {
    readonly TF_ATTR_TYPE: number;
    readonly TF_ATTR_BOOL: number;
    executeOp(
      name: string,
      attributes: readonly { readonly name: string; readonly type: number; readonly value: number | boolean }[],
      inputs: readonly number[],
      outputs: number,
    ): RawOutput[];
    deleteTensor(id: number): void;
  };
  getInputTensorIds(inputs: readonly tf.TensorInfo[]): number[];
  createOutputTensor(output: RawOutput): tf.Tensor;
}

/** A bfloat16 copy of a float32 matrix; undefined where the backend has no bfloat16. */
export function bf16Matrix(matrix: tf.Tensor2D): Bf16Matrix | undefined {
  if (tf.getBackend() !== 'tensorflow') return undefined;
  const backend = tf.backend() as unknown as RawBackend;
  const { binding } = backend;
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const flag = (name: string, value: boolean) => ({ name, type: binding.TF_ATTR_BOOL, value });
  const run = (name: string, attributes: Parameters<typeof binding.executeOp>[1], inputs: readonly number[]): RawOutput =>
    binding.executeOp(name, attributes, inputs, 1)[0] as RawOutput;
  const cast = (id: number, from: number, to: number): RawOutput =>
    run('Cast', [type('SrcT', from), type('DstT', to), flag('Truncate', false)], [id]);
  const idOf = (tensor: tf.Tensor): number => backend.getInputTensorIds([tensor])[0] as number;
  const held = cast(idOf(matrix), FLOAT, BFLOAT16).id;
  /** A bfloat16 result as a float32 tensor; the bfloat16 one is freed. */
  const widened = (low: RawOutput): Matrix => {
    try {
      return backend.createOutputTensor(cast(low.id, BFLOAT16, FLOAT)) as Matrix;
    } finally {
      binding.deleteTensor(low.id);
    }
  };
  return {
    product: (x) => {
      const low = cast(idOf(x), FLOAT, BFLOAT16);
      try {
        return widened(
          run('MatMul', [flag('transpose_a', false), flag('transpose_b', true), type('T', BFLOAT16)], [low.id, held]),
        );
      } finally {
        binding.deleteTensor(low.id);
      }
    },
    rows: (indices) => {
      const axis = tf.scalar(0, 'int32');
      try {
        return widened(
          run('GatherV2', [type('Tparams', BFLOAT16), type('Tindices', 3), type('Taxis', 3)], [held, idOf(indices), idOf(axis)]),
        );
      } finally {
        axis.dispose();
      }
    },
    dispose: () => binding.deleteTensor(held),
  };
}
