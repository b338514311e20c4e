import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import type { RawBackend } from './raw-op.js';
import { rawBackend } from './raw-op.js';

export interface MatMulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** TensorFlow's DataType numbers (tensorflow/core/framework/types.proto); tfjs-core knows no bfloat16. */
const FLOAT = 1;
const BFLOAT16 = 14;

/** Whether `bf16MatMul` really multiplies in bfloat16 here; elsewhere it runs in float32. */
export function hasBf16(): boolean {
  return rawBackend() !== undefined;
}

/**
 * Product of two float32 matrices with operands and result rounded to bfloat16 (8 bits of mantissa), sums in float32.
 * Runs in float32 where `hasBf16()` is false.
 */
export function bf16MatMul(a: tf.Tensor2D, b: tf.Tensor2D, options: MatMulOptions = {}): tf.Tensor2D {
  const transposeA = options.transposeA ?? false;
  const transposeB = options.transposeB ?? false;
  const inner = [a.shape[transposeA ? 0 : 1], b.shape[transposeB ? 1 : 0]];
  if (inner[0] !== inner[1]) {
    throw new SalmonError('bad-shape', {
      what: 'The inner dimensions of a matrix product differ',
      expected: `${inner[0]} (from [${a.shape.join(', ')}])`,
      got: `${inner[1]} (from [${b.shape.join(', ')}])`,
    });
  }
  const backend = rawBackend();
  if (backend === undefined) return tf.matMul(a, b, transposeA, transposeB);
  const held: number[] = [];
  const keep = (id: number): number => {
    held.push(id);
    return id;
  };
  try {
    const low = [a, b].map((tensor) => keep(cast(backend, backend.getInputTensorIds([tensor])[0] as number, FLOAT, BFLOAT16).id));
    const { binding } = backend;
    const [product] = binding.executeOp(
      'MatMul',
      [
        { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: transposeA },
        { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: transposeB },
        { name: 'T', type: binding.TF_ATTR_TYPE, value: BFLOAT16 },
      ],
      low,
      1,
    );
    const output = cast(backend, keep((product as { id: number }).id), BFLOAT16, FLOAT);
    return backend.createOutputTensor(output) as tf.Tensor2D;
  } finally {
    for (const id of held) backend.binding.deleteTensor(id);
  }
}

function cast(backend: RawBackend, id: number, from: number, to: number): { readonly id: number; readonly shape: number[]; readonly dtype: number } {
  const { binding } = backend;
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
  return output as { id: number; shape: number[]; dtype: number };
}
