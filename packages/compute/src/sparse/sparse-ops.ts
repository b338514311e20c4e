import type { SparseCodes } from '@salmon-sae/dataflow';
import type { tf } from '../tf.js';

/**
 * A sparse batch of B rows over F latents, grouped by latent: the entries of latent f are starts[f] .. starts[f+1], rows ascending.
 * Grouped so, blocks of latents simply follow one another, and every product reads each decoder row once. Never read back whole:
 * `nnz` is all that JavaScript knows. The holder disposes it (`disposeActs`).
 */
export interface SparseActs {
  /** B */
  readonly rows: number;
  /** F */
  readonly latents: number;
  readonly nnz: number;
  /** int32 [F + 1] */
  readonly starts: tf.Tensor1D;
  /** int32 [nnz] */
  readonly row: tf.Tensor1D;
  /** float32 [nnz]: what was selected by, the pre-activation including the bias. */
  readonly value: tf.Tensor1D;
}

export function disposeActs(acts: SparseActs): void {
  acts.starts.dispose();
  acts.row.dispose();
  acts.value.dispose();
}

/** A float32 tensor whose memory nobody else sees, so that the ops may update it in place. */
export interface OwnedTensor {
  readonly shape: readonly number[];
  /** The present content. Valid until the next update in place; do not keep or dispose it, clone nothing from it that must outlive that. */
  tensor(): tf.Tensor;
  dispose(): void;
}

/**
 * Gradient of a matrix with one row per latent: only rows marked as touched count, the others are zero whatever memory holds. Frozen rows are
 * never touched.
 */
export interface RowGradient {
  readonly latents: number;
  readonly width: number;
  /** Dense copy [F, d] with zeros where untouched. */
  dense(): tf.Tensor2D;
  dispose(): void;
}

/** Parameters of one matrix with its moments, which are read as float32 whatever they are kept in. */
export interface AdamMatrix {
  readonly param: OwnedTensor;
  /** The second moment; a copy. */
  v(): tf.Tensor2D;
  /** The first moment, or undefined where beta1 = 0 (it is then the last gradient). A copy. */
  m(): tf.Tensor2D | undefined;
  dispose(): void;
}

export interface AdamStart {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** What the moments are kept in; default 'f32'. 'bf16': rounded at random in proportion to what is cut off, so that on average nothing is lost. */
  readonly moments?: 'f32' | 'bf16';
  /** Of the rounding of bfloat16 moments; the bits drawn depend on it, the update's number and the entry alone. Default 0. */
  readonly seed?: number;
  /** Moments and update count to go on from; default: zeros at update 0. */
  readonly from?: { readonly step: number; readonly m?: tf.Tensor; readonly v: tf.Tensor };
}

export interface AdamRowsUpdate {
  /** Number of this update, from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** What the gradient is multiplied by first (gradient clipping). */
  readonly clip: number;
  /** Give the parameter rows unit length afterwards. */
  readonly normalise?: boolean;
}

export interface Decoder {
  /** [F, d] */
  readonly rows: tf.Tensor2D;
  /** [d] */
  readonly bias?: tf.Tensor1D;
}

export interface RowTerms {
  /** [nnz] */
  readonly coefficient: tf.Tensor1D;
  /** [B, d] */
  readonly dense: tf.Tensor2D;
  /** Subtract scale_f * rows_f from each row written: the projection onto what is orthogonal to the rows. */
  readonly minus?: { readonly rows: tf.Tensor2D; readonly scale: tf.Tensor1D };
}

export interface ProductOptions {
  /** [F] */
  readonly bias?: tf.Tensor1D;
  /** [F] */
  readonly threshold: tf.Tensor1D;
  readonly band?: number;
}

export interface LargestOptions {
  /** [F] */
  readonly bias?: tf.Tensor1D;
  readonly count: number;
}

/**
 * The sparse arithmetic of SAE training and inference. Three implementations pass the same contract tests: native (custom TensorFlow
 * ops), webgpu (WGSL kernels) and plain (any backend). Results of one implementation do not depend on the number of threads.
 */
export interface SparseOps {
  readonly kind: 'native' | 'webgpu' | 'plain';

  /** Entries with pre + bias > threshold - band / 2: the active ones and, with a band, those near below their threshold. pre [B, F], threshold [F]. */
  sparsify(pre: tf.Tensor2D, options: { readonly bias?: tf.Tensor1D; readonly threshold: tf.Tensor1D; readonly band?: number }): SparseActs;
  /**
   * The entries of x rowsᵀ + bias above their threshold (minus half the band), as `sparsify` would give them on the float32 product, without that
   * product: low precision finds the candidates within a proven error bound, float32 decides. Undefined where so many pairs are near their
   * thresholds that the product costs less. x [B, d], rows [F, d].
   */
  sparsifyProduct(x: tf.Tensor2D, rows: tf.Tensor2D, options: ProductOptions): SparseActs | undefined;
  /** The `count` largest positive entries of x rowsᵀ + bias, likewise without the product. */
  largestOfProduct(x: tf.Tensor2D, rows: tf.Tensor2D, options: LargestOptions): SparseActs | undefined;
  /** Whether `sparsifyProduct` and `largestOfProduct` beat the product here: native, on a processor that multiplies bfloat16 tiles or bytes. */
  canScreen(): boolean;
  /** The k largest positive entries of each row. */
  topK(pre: tf.Tensor2D, options: { readonly bias?: tf.Tensor1D; readonly k: number }): SparseActs;
  /** The `count` largest entries of the batch among those above max(floor, 0). */
  batchTopK(pre: tf.Tensor2D, options: { readonly bias?: tf.Tensor1D; readonly count: number; readonly floor?: tf.Scalar }): SparseActs;
  /** Neighbouring ranges of latents joined into one; the parts stay alive. */
  concat(parts: readonly SparseActs[]): SparseActs;
  /** Of each row the k largest entries. */
  keepTopK(acts: SparseActs, k: number): SparseActs;
  /** The `count` largest entries, and the least value kept (0 where there are fewer). */
  keepTop(acts: SparseActs, count: number): { readonly acts: SparseActs; readonly least: tf.Scalar };

  /** The least value of each row's entries, +Infinity where it has none: [B]. */
  leastByRow(acts: SparseActs): tf.Tensor1D;

  /** bias + sum over a row's entries of coefficient * decoder row, [B, d]. */
  decode(acts: SparseActs, coefficient: tf.Tensor1D, decoder: Decoder): tf.Tensor2D;
  /** decode - target [B, d] and the sum of its squares. */
  residual(acts: SparseActs, coefficient: tf.Tensor1D, options: Decoder & { readonly target: tf.Tensor2D }): { readonly residual: tf.Tensor2D; readonly squares: tf.Scalar };
  /** Per entry the dot product of its row of `dense` [B, d] with its latent's row of `rows` [F, d]: [nnz]. */
  dots(acts: SparseActs, dense: tf.Tensor2D, rows: tf.Tensor2D): tf.Tensor1D;
  /** Sum per latent of values [nnz]: [F]. */
  sumByLatent(acts: SparseActs, values: tf.Tensor1D): tf.Tensor1D;
  /** The value of each entry's latent, values [F]: [nnz]. */
  expandByLatent(acts: SparseActs, values: tf.Tensor1D): tf.Tensor1D;

  own(tensor: tf.Tensor): OwnedTensor;
  /** `frozen` [F]: 1 = the row never gets a gradient, and `adamRows` leaves its parameters and moments as they are, bit for bit. */
  rowGradient(latents: number, width: number, frozen?: Uint8Array): RowGradient;
  /** Forgets all rows; frozen ones stay frozen. */
  clear(gradient: RowGradient): void;
  /** Adds sum of coefficient * dense row (minus the projection) to the rows of latents with entries; returns the sum of squares of those rows. */
  addRows(gradient: RowGradient, acts: SparseActs, terms: RowTerms): tf.Scalar;
  /** Sets the rows of latents from, from + 1, ... to those given [n, d]; returns their sum of squares. For latents active so often that a dense product is cheaper. */
  setRows(gradient: RowGradient, from: number, rows: tf.Tensor2D): tf.Scalar;
  /** Sum of squares of the touched rows. */
  squaredNorm(gradient: RowGradient): tf.Scalar;

  normaliseRows(matrix: OwnedTensor): void;
  adamMatrix(param: tf.Tensor2D, start: AdamStart): AdamMatrix;
  /** Exactly dense Adam (arXiv 1412.6980; PyTorch's arithmetic) with zero gradient in untouched rows; frozen rows stay as they are. */
  adamRows(matrix: AdamMatrix, gradient: RowGradient, update: AdamRowsUpdate): void;

  /** The entries by row, in JavaScript memory; values are the coefficients given, entries with coefficient 0 are left out. */
  codes(acts: SparseActs, coefficient: tf.Tensor1D): SparseCodes;
  /** `sparsifyProduct` by row, in JavaScript memory. */
  productCodes(x: tf.Tensor2D, rows: tf.Tensor2D, options: ProductOptions): SparseCodes | undefined;
  /** bias + sum over a row's codes of value / divisor of the latent * decoder row, [B, d]; divisor [F], default 1. */
  decodeCodes(codes: SparseCodes, decoder: Decoder & { readonly divisor?: tf.Tensor1D }): tf.Tensor2D;
}
