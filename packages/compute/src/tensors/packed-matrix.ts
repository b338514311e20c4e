import { SalmonError } from '@salmon-sae/dataflow';
import { nativeOpsOnProcessor } from '../sparse/native-module.js';
import { run, runWith } from '../sparse/native-run.js';
import { tf } from '../tf.js';
import { checkInputs, packedByTensorflow } from './packed-tensorflow.js';
import { rawBackend } from './raw-op.js';

/** A weight matrix that rests in bfloat16 (2 bytes a weight) in the layout that its products want. */
export interface PackedMatrix {
  readonly outputs: number;
  readonly inputs: number;
  /** x [n, inputs] -> x W^T + bias [n, outputs]: operands rounded to bfloat16, sums in float32. */
  matMul(x: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor2D;
  /** Rows of W by index (int32, in range), as float32 [n, inputs]. */
  rows(indices: tf.Tensor1D): tf.Tensor2D;
  dispose(): void;
}

/** The native paths, in the order in which the native ops number them. */
const NATIVE_PATHS = ['amx', 'avx512-bf16', 'avx512', 'avx2', 'plain'] as const;

export type NativeBf16Path = (typeof NATIVE_PATHS)[number];

/** What multiplies bfloat16 matrices: a native path, TensorFlow's own kernels, or nothing (then products run in float32). */
export type Bf16Engine = NativeBf16Path | 'tensorflow' | 'float32';

export interface PackOptions {
  /** Native path to use; default: the fastest that the processor runs. Throws `unsupported` where it lacks it. */
  readonly path?: NativeBf16Path;
}

/** What multiplies bfloat16 matrices here. Call after `await useBackend()`. */
export function bf16Engine(): Bf16Engine {
  const backend = rawBackend();
  if (backend === undefined) return 'float32';
  return hasNativeBf16() ? (NATIVE_PATHS[probe().at(-1) as number] as NativeBf16Path) : 'tensorflow';
}

/** Whether the native bfloat16 products run here; `packBf16Words` needs them. */
export function hasNativeBf16(): boolean {
  return nativeOpsOnProcessor();
}

/** The native paths that this processor runs. */
export function nativeBf16Paths(): readonly NativeBf16Path[] {
  if (!hasNativeBf16()) return [];
  const runs = probe();
  return NATIVE_PATHS.filter((_, i) => runs[i] === 1);
}

function probe(): Float32Array {
  return tf.tidy(() => (run('SalmonGemmPaths', [tf.tensor1d([0])], 1)[0] as tf.Tensor).dataSync<'float32'>().slice());
}

/**
 * Packs a float32 matrix [outputs, inputs]; the matrix is borrowed. On the native ops results do not depend on the number of threads.
 * Without them TensorFlow's bfloat16 kernels serve, which round the product to bfloat16 as well; on other backends everything stays float32.
 */
export function packBf16(weight: tf.Tensor2D, options: PackOptions = {}): PackedMatrix {
  const [outputs, inputs] = weight.shape;
  if (hasNativeBf16()) {
    // The path first: a refusal must not leave a packed matrix behind.
    const path = pathNumber(options.path);
    return nativePacked(run('SalmonGemmPack', [weight], 1)[0] as tf.Tensor, { outputs, inputs, path });
  }
  const backend = rawBackend();
  return backend === undefined ? heldInFloat(weight) : packedByTensorflow(backend, weight);
}

/** Packs bfloat16 values as they lie in a file, two to an int32: [outputs, inputs / 2]. Needs `hasNativeBf16()`. */
export function packBf16Words(words: tf.Tensor2D, options: PackOptions = {}): PackedMatrix {
  if (!hasNativeBf16()) {
    throw new SalmonError('unsupported', { what: 'Packing bfloat16 words needs the native ops', expected: 'hasNativeBf16()', todo: 'Use packBf16 with float32 values' });
  }
  const [outputs, pairs] = words.shape;
  const path = pathNumber(options.path);
  return nativePacked(run('SalmonGemmPackWords', [words], 1)[0] as tf.Tensor, { outputs, inputs: 2 * pairs, path });
}

function pathNumber(path: NativeBf16Path | undefined): number {
  if (path === undefined) return -1;
  const runs = nativeBf16Paths();
  if (runs.includes(path)) return NATIVE_PATHS.indexOf(path);
  throw new SalmonError('unsupported', { what: 'This processor lacks the instructions of a bfloat16 path', expected: runs.join(', '), got: path });
}

function nativePacked(packed: tf.Tensor, size: { readonly outputs: number; readonly inputs: number; readonly path: number }): PackedMatrix {
  const { outputs, inputs, path } = size;
  tf.keep(packed);
  return {
    outputs,
    inputs,
    matMul: (x, bias) => {
      checkInputs(x, inputs);
      const none = bias === undefined ? tf.tensor1d([]) : undefined;
      const [product] = runWith('SalmonGemmBf16', [x, packed, (bias ?? none) as tf.Tensor1D], { scalars: [outputs, path], outputs: 1 });
      none?.dispose();
      return product as tf.Tensor2D;
    },
    rows: (indices) => runWith('SalmonGemmRows', [packed, indices], { scalars: [outputs, inputs], outputs: 1 })[0] as tf.Tensor2D,
    dispose: () => packed.dispose(),
  };
}

function heldInFloat(weight: tf.Tensor2D): PackedMatrix {
  const [outputs, inputs] = weight.shape;
  const held = tf.keep(tf.clone(weight));
  return {
    outputs,
    inputs,
    matMul: (x, bias) => {
      checkInputs(x, inputs);
      const product: tf.Tensor2D = tf.matMul(x, held, false, true);
      return bias === undefined ? product : tf.add(product, bias);
    },
    rows: (indices) => tf.gather(held, indices),
    dispose: () => held.dispose(),
  };
}
