import { sparseOps, tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import type { SparseCodes } from '@salmon-sae/dataflow';

/** What turns codes into rows: W_dec [F, out], a bias, and a divisor per latent where activations carry decoder norms. */
export interface DecoderParts {
  readonly W_dec: Float32Array;
  readonly latents: number;
  readonly outWidth: number;
  readonly bias: Float32Array | undefined;
  readonly divisor: Float32Array | undefined;
}

/** Owns the decoder's weights on the backend, once they are needed there. */
export interface RowDecoder {
  /** codes @ W_dec + b_dec -> [rows, outWidth]; cost follows the number of active latents. */
  decode(codes: SparseCodes): Float32Array;
  dispose(): void;
}

/** Decodes with the backend's sparse ops where it has its own, in plain JavaScript elsewhere. */
export function rowDecoder(parts: DecoderParts): RowDecoder {
  let held: { readonly rows: tf.Tensor2D; readonly bias: tf.Tensor1D; readonly divisor?: tf.Tensor1D } | undefined;
  return {
    decode: (codes) => {
      if (codes.latents !== parts.latents) {
        throw new SalmonError('bad-shape', { what: 'Codes are of another SAE', where: 'decode', expected: `${parts.latents} latents`, got: `${codes.latents}` });
      }
      const ops = sparseOps();
      if (codes.rows === 0 || ops.kind === 'plain') return decodeRows(codes, parts);
      held ??= {
        rows: tf.tensor2d(parts.W_dec, [parts.latents, parts.outWidth]),
        bias: tf.tensor1d(parts.bias ?? new Float32Array(parts.outWidth)),
        ...(parts.divisor === undefined ? {} : { divisor: tf.tensor1d(parts.divisor) }),
      };
      const recon = ops.decodeCodes(codes, held);
      // Read outside any tidy: a tidy walks through what its function returns, element by element.
      const rows = recon.dataSync<'float32'>();
      recon.dispose();
      return rows;
    },
    dispose: () => {
      if (held !== undefined) tf.dispose([held.rows, held.bias, held.divisor]);
      held = undefined;
    },
  };
}

/** The same in JavaScript; sums in float64. */
export function decodeRows(codes: SparseCodes, { W_dec, outWidth: out, bias, divisor }: DecoderParts): Float32Array {
  const recon = new Float32Array(codes.rows * out);
  const sum = new Float64Array(out);
  for (let row = 0; row < codes.rows; row++) {
    if (bias === undefined) sum.fill(0);
    else sum.set(bias);
    for (let j = codes.indptr[row] as number; j < (codes.indptr[row + 1] as number); j++) {
      const latent = codes.indices[j] as number;
      const value = (codes.values[j] as number) / (divisor?.[latent] ?? 1);
      const start = latent * out;
      for (let i = 0; i < out; i++) sum[i] = (sum[i] as number) + value * (W_dec[start + i] as number);
    }
    recon.set(sum, row * out);
  }
  return recon;
}

/** Euclidean norm of each row of a matrix [rows, width]. */
export function rowNorms(matrix: Float32Array, rows: number): Float32Array {
  const width = matrix.length / rows;
  const norms = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let i = row * width; i < (row + 1) * width; i++) squares += (matrix[i] as number) ** 2;
    norms[row] = Math.sqrt(squares);
  }
  return norms;
}
