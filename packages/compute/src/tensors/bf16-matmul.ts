import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import { hasNativeBf16, packBf16 } from './packed-matrix.js';
import { BFLOAT16, castRaw, FLOAT, rawMatMul } from './raw-bf16.js';
import type { MatMulOptions } from './raw-bf16.js';
import { rawBackend } from './raw-op.js';

/** Whether `bf16MatMul` really multiplies in bfloat16 here; elsewhere it runs in float32. */
export function hasBf16(): boolean {
  return rawBackend() !== undefined;
}

/**
 * Product of two float32 matrices with operands rounded to bfloat16 (8 bits of mantissa), sums in float32; TensorFlow's kernels, which serve
 * where the native ops do not, round the result to bfloat16 too. Runs in float32 where `hasBf16()` is false. For a matrix that is used more than once see `packBf16`.
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
  if (hasNativeBf16()) return packedOnce(a, b, { transposeA, transposeB });
  const backend = rawBackend();
  if (backend === undefined) return tf.matMul(a, b, transposeA, transposeB);
  const held: number[] = [];
  const keep = (id: number): number => {
    held.push(id);
    return id;
  };
  try {
    const [left, right] = [a, b].map((tensor) => keep(castRaw(backend, backend.getInputTensorIds([tensor])[0] as number, FLOAT, BFLOAT16).id)) as [number, number];
    const product = keep(rawMatMul(backend, [left, right], { transposeA, transposeB }).id);
    return backend.createOutputTensor(castRaw(backend, product, BFLOAT16, FLOAT)) as tf.Tensor2D;
  } finally {
    for (const id of held) backend.binding.deleteTensor(id);
  }
}

function packedOnce(a: tf.Tensor2D, b: tf.Tensor2D, options: Required<MatMulOptions>): tf.Tensor2D {
  return tf.tidy(() => {
    const packed = packBf16(options.transposeB ? b : tf.transpose(b));
    try {
      return packed.matMul(options.transposeA ? tf.transpose(a) : a);
    } finally {
      packed.dispose();
    }
  });
}
