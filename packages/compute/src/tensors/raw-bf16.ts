import type { RawBackend, RawOutput } from './raw-op.js';

/** TensorFlow's DataType numbers (tensorflow/core/framework/types.proto); tfjs-core knows no bfloat16. */
export const FLOAT = 1;
export const INT32 = 3;
export const BFLOAT16 = 14;

export interface MatMulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** Converts a raw tensor to another type; the caller owns the result. */
export function castRaw({ binding }: RawBackend, id: number, from: number, to: number): RawOutput {
  const [output] = binding.executeOp(
    'Cast',
    [
      { name: 'SrcT', type: binding.TF_ATTR_TYPE, value: from },
      { name: 'DstT', type: binding.TF_ATTR_TYPE, value: to },
      { name: 'Truncate', type: binding.TF_ATTR_BOOL, value: false },
    ],
    [id],
    1,
  );
  return output as RawOutput;
}

/** Product of two raw bfloat16 matrices, rounded to bfloat16; the caller owns the result. */
export function rawMatMul({ binding }: RawBackend, ids: readonly [number, number], options: MatMulOptions): RawOutput {
  const [product] = binding.executeOp(
    'MatMul',
    [
      { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: options.transposeA ?? false },
      { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: options.transposeB ?? false },
      { name: 'T', type: binding.TF_ATTR_TYPE, value: BFLOAT16 },
    ],
    ids,
    1,
  );
  return product as RawOutput;
}
