import type { SaeState, SparseCodes } from '@salmon-sae/dataflow';

/**
 * An SAE ready to run: weights on the compute backend, plain arrays in and out.
 * Shapes: x [rows, width] row-major, reconstruction [rows, outWidth]. Dispose it when done.
 */
export interface Sae {
  readonly state: SaeState;
  readonly latents: number;
  readonly width: number;
  /** Equal to `width` except for transcoders. */
  readonly outWidth: number;
  encode(x: Float32Array, rows: number): SparseCodes;
  decode(codes: SparseCodes): Float32Array;
  /** Encode and decode in one go (needed where run-time normalisation or a skip connection links the two). */
  run(x: Float32Array, rows: number): { readonly codes: SparseCodes; readonly recon: Float32Array };
  dispose(): void;
}
