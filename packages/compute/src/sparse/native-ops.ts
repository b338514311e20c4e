import { tf } from '../tf.js';
import { bandEdge } from './band-edge.js';
import { compactCodes, joinActs } from './joined.js';
import { readCodes, toActs } from './native-acts.js';
import { nativeAdamMatrix, nativeAdamRows } from './native-adam.js';
import { nativeScreen } from './native-module.js';
import { none, run, runInPlace, runWith } from './native-run.js';
import { screened, screenedCodes, screenedLargest } from './native-screen.js';
import type { Decoder, OwnedTensor, RowGradient, SparseActs, SparseOps } from './sparse-ops.js';

export class NativeOwned implements OwnedTensor {
  readonly shape: readonly number[];
  readonly #tensor: tf.Tensor;

  constructor(tensor: tf.Tensor) {
    this.shape = [...tensor.shape];
    this.#tensor = tf.keep(run('SalmonOwn', [tensor], 1)[0] as tf.Tensor);
  }

  tensor(): tf.Tensor {
    return this.#tensor;
  }

  dispose(): void {
    this.#tensor.dispose();
  }
}

/** Int32 marks per row in TensorFlow's own memory: -1 where frozen, else 0. */
function ownedMarks(rows: number, frozen: Uint8Array | undefined): tf.Tensor1D {
  // An op allocates its result afresh, unlike a tensor made from a JavaScript array, whose memory it shares.
  return tf.keep(tf.tidy(() => tf.neg(tf.tensor1d(frozen === undefined ? new Int32Array(rows) : Int32Array.from(frozen), 'int32')) as tf.Tensor1D));
}

/** Memory of its own, filled by a native op that takes a shape. */
export function allocated(op: 'SalmonBlank' | 'SalmonZeros' | 'SalmonZeroWords', shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => tf.keep(run(op, [tf.tensor1d([...shape], 'int32')], 1)[0] as tf.Tensor));
}

export class NativeRowGradient implements RowGradient {
  /** Never written to before it is used: rows that no step touches take no memory. */
  readonly values: tf.Tensor;
  readonly touched: tf.Tensor1D;

  constructor(
    readonly latents: number,
    readonly width: number,
    frozen?: Uint8Array,
  ) {
    this.values = allocated('SalmonBlank', [latents, width]);
    this.touched = ownedMarks(latents, frozen);
  }

  dense(): tf.Tensor2D {
    return tf.tidy(() => {
      const mask = tf.greater(tf.expandDims(this.touched, 1), 0);
      return tf.where(mask, this.values, tf.zeros([this.latents, this.width])) as tf.Tensor2D;
    });
  }

  dispose(): void {
    this.values.dispose();
    this.touched.dispose();
  }
}

function biasOf(decoder: Decoder): tf.Tensor1D {
  return decoder.bias ?? none();
}

/** The ops as TensorFlow kernels in C++ (see `native/`). */
export const nativeSparseOps: SparseOps = {
  kind: 'native',
  sparsify: (pre, options) => actsOf(pre, () => run('SalmonSparsify', [pre, options.bias ?? none(), bandEdge(options)], 3)),
  sparsifyProduct: screened,
  largestOfProduct: screenedLargest,
  canScreen: nativeScreen,
  topK: (pre, { bias, k }) => actsOf(pre, () => runWith('SalmonTopK', [pre, bias ?? none()], { scalars: [k], outputs: 3 })),
  batchTopK: (pre, { bias, count, floor }) =>
    actsOf(pre, () => {
      const scalars = tf.concat([tf.tensor1d([count]), floor === undefined ? tf.tensor1d([0]) : tf.reshape(floor, [1])]);
      return run('SalmonBatchTopK', [pre, bias ?? none(), scalars], 3);
    }),
  concat: joinActs,
  keepTopK: (acts, k) => toActs(acts.rows, acts.latents, runWith('SalmonKeepTopK', fields(acts), { scalars: [acts.rows, k], outputs: 3 })),
  keepTop: (acts, count) => {
    const [starts, row, value, least] = runWith('SalmonKeepTop', fields(acts), { scalars: [count], outputs: 4 }) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Scalar];
    return { acts: toActs(acts.rows, acts.latents, [starts, row, value]), least };
  },
  leastByRow: (acts) => runWith('SalmonLeastByRow', fields(acts), { scalars: [acts.rows], outputs: 1 })[0] as tf.Tensor1D,
  decode: (acts, coefficient, decoder) =>
    tf.tidy(() => runWith('SalmonDecode', [acts.starts, acts.row, coefficient, decoder.rows, biasOf(decoder)], { scalars: [acts.rows], outputs: 1 })[0] as tf.Tensor2D),
  residual: (acts, coefficient, options) =>
    tf.tidy(() => {
      const [residual, squares] = run('SalmonResidual', [acts.starts, acts.row, coefficient, options.rows, biasOf(options), options.target], 2);
      return { residual: residual as tf.Tensor2D, squares: squares as tf.Scalar };
    }),
  dots: (acts, dense, rows) => run('SalmonDots', [acts.starts, acts.row, dense, rows], 1)[0] as tf.Tensor1D,
  sumByLatent: (acts, values) => run('SalmonSumByLatent', [acts.starts, values], 1)[0] as tf.Tensor1D,
  expandByLatent: (acts, values) => run('SalmonExpandByLatent', [acts.starts, values], 1)[0] as tf.Tensor1D,
  own: (tensor) => new NativeOwned(tensor),
  rowGradient: (latents, width, frozen) => new NativeRowGradient(latents, width, frozen),
  clear: (gradient) => runInPlace('SalmonUntouch', [native(gradient).touched]),
  addRows: (gradient, acts, { coefficient, dense, minus }) =>
    tf.tidy(() => {
      const into = native(gradient);
      const subtract = minus === undefined ? [tf.zeros([0, 0]), none()] : [minus.rows, minus.scale];
      return run('SalmonAddOuterRows', [into.values, into.touched, acts.starts, acts.row, coefficient, dense, ...subtract], 1)[0] as tf.Scalar;
    }),
  setRows: (gradient, from, rows) => runWith('SalmonSetRows', [native(gradient).values, native(gradient).touched, rows], { scalars: [from], outputs: 1 })[0] as tf.Scalar,
  squaredNorm: (gradient) => run('SalmonSquaredNormOfRows', [native(gradient).values, native(gradient).touched], 1)[0] as tf.Scalar,
  normaliseRows: (matrix) => runInPlace('SalmonNormaliseRows', [matrix.tensor()]),
  adamMatrix: nativeAdamMatrix,
  adamRows: (matrix, gradient, update) => nativeAdamRows(matrix, native(gradient), update),
  codes: (acts, coefficient) => compactCodes(readCodes(acts.rows, acts.latents, runWith('SalmonToRows', [acts.starts, acts.row, coefficient], { scalars: [acts.rows], outputs: 3 }))),
  productCodes: screenedCodes,
  decodeCodes: ({ indptr, indices, values }, decoder) =>
    tf.tidy(() => run('SalmonDecodeCodes', [tf.tensor1d(indptr, 'int32'), tf.tensor1d(indices, 'int32'), tf.tensor1d(values), decoder.divisor ?? none(), decoder.rows, biasOf(decoder)], 1)[0] as tf.Tensor2D),
};

function fields(acts: SparseActs): tf.Tensor[] {
  return [acts.starts, acts.row, acts.value];
}

/** Entries made from a dense matrix; what `make` allocates besides its result is freed. */
function actsOf(pre: tf.Tensor2D, make: () => tf.Tensor[]): SparseActs {
  return toActs(pre.shape[0], pre.shape[1], tf.tidy(make));
}

function native(gradient: RowGradient): NativeRowGradient {
  if (gradient instanceof NativeRowGradient) return gradient;
  throw new Error('a gradient of another SparseOps implementation');
}
