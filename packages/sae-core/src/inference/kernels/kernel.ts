import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { disposeActs, sparseOps, tf } from '@salmon-sae/compute';
import type { SparseActs } from '@salmon-sae/compute';
import type { ResolvedConfig } from '../config.js';
import type { CsrBuilder } from '../csr-builder.js';

/**
 * The encoder of one kind of SAE: holds its weights on the backend until disposed.
 * `encode` appends one row of codes per row of `x` [rows, d_in] (normalised, decoder bias taken off).
 */
export interface EncodeKernel {
  encode(x: Float32Array, rows: number, codes: CsrBuilder): void;
  /**
   * Codes that belong to the reconstruction but not to the features (temporal SAEs' predicted codes), [rows, latents] dense,
   * of the rows encoded last.
   */
  predicted?(): Float32Array;
  dispose(): void;
}

export type KernelFactory = (state: SaeState, config: ResolvedConfig, options: KernelOptions) => EncodeKernel;

export interface KernelOptions {
  /** Rows of one sequence, for kinds that look at context. Default: all rows of a call are one sequence. */
  readonly sequence?: number;
}

/** Largest dense [rows, latents] matrix that exists at a time, in elements (32 MB). */
const TILE_ELEMENTS = 8 << 20;

/** Calls `each(x, rows)` on tiles of rows, so that no dense matrix of all rows x latents ever exists. */
export function tiles(x: Float32Array, rows: number, config: ResolvedConfig, each: (x: tf.Tensor2D, rows: number) => void): void {
  const step = Math.max(1, Math.floor(TILE_ELEMENTS / config.d_sae));
  for (let from = 0; from < rows; from += step) {
    const n = Math.min(step, rows - from);
    const part = x.subarray(from * config.d_in, (from + n) * config.d_in);
    tf.tidy(() => each(tf.tensor2d(part, [n, config.d_in]), n));
  }
}

/** Moves one tile's codes, chosen by the sparse ops, from the backend into `codes`; only active entries are read. Call inside a tidy. */
export function collect(acts: SparseActs, codes: CsrBuilder): void {
  codes.pushCodes(sparseOps().codes(acts, acts.value));
  disposeActs(acts);
}

/** A weight on the backend, kept until disposed. */
export function weight<R extends tf.Rank>(array: NdArray | undefined, shape: tf.ShapeMap[R]): tf.Tensor<R> {
  return array === undefined ? tf.zeros<R>(shape) : tf.tensor<R>(array.data, shape, 'float32');
}

/** Encoder weights by latent, [F, d]: products with a transposed right-hand side run at twice the rate of the others here, and screening reads latents. */
export function encoderRows(array: NdArray | undefined, config: ResolvedConfig): tf.Tensor2D {
  return tf.tidy(() => tf.transpose(weight<tf.Rank.R2>(array, [config.d_in, config.d_sae])));
}
