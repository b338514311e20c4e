import type { SparseCodes } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import { disposeActs } from './sparse-ops.js';
import type { Decoder, LargestOptions, ProductOptions, SparseActs, SparseOps } from './sparse-ops.js';

/** Neighbouring ranges of latents, one after the other. */
export function joinActs(parts: readonly SparseActs[]): SparseActs {
  const first = parts[0];
  if (first === undefined) throw new SalmonError('bad-shape', { what: 'No parts to join' });
  if (parts.some((part) => part.rows !== first.rows)) {
    throw new SalmonError('bad-shape', { what: 'Parts of different batches cannot be joined', expected: `${first.rows} rows`, got: parts.map((p) => p.rows).join(', ') });
  }
  return tf.tidy(() => {
    const starts: tf.Tensor1D[] = [];
    let nnz = 0;
    for (const [i, part] of parts.entries()) {
      const moved = tf.add(part.starts, tf.scalar(nnz, 'int32')) as tf.Tensor1D;
      starts.push(i === parts.length - 1 ? moved : (tf.slice(moved, 0, part.latents) as tf.Tensor1D));
      nnz += part.nnz;
    }
    return {
      rows: first.rows,
      latents: parts.reduce((sum, part) => sum + part.latents, 0),
      nnz,
      starts: tf.concat(starts) as tf.Tensor1D,
      row: tf.concat(parts.map((part) => part.row)) as tf.Tensor1D,
      value: tf.concat(parts.map((part) => part.value)) as tf.Tensor1D,
    };
  });
}

/** The same codes without explicit zeros. */
export function compactCodes(codes: SparseCodes): SparseCodes {
  let zeros = 0;
  for (const value of codes.values) if (value === 0) zeros++;
  if (zeros === 0) return codes;
  const n = codes.values.length - zeros;
  const indptr = new Int32Array(codes.rows + 1);
  const indices = new Int32Array(n);
  const values = new Float32Array(n);
  let to = 0;
  for (let r = 0; r < codes.rows; r++) {
    for (let e = codes.indptr[r] as number; e < (codes.indptr[r + 1] as number); e++) {
      const value = codes.values[e] as number;
      if (value === 0) continue;
      indices[to] = codes.indices[e] as number;
      values[to++] = value;
    }
    indptr[r + 1] = to;
  }
  return { rows: codes.rows, latents: codes.latents, indptr, indices, values };
}

/** `decodeCodes` by way of entries grouped by latent. */
export function decodeByLatent(ops: SparseOps, codes: SparseCodes, decoder: Decoder & { readonly divisor?: tf.Tensor1D }): tf.Tensor2D {
  const acts = groupCodes(codes, decoder.divisor);
  const out = ops.decode(acts, acts.value, decoder);
  disposeActs(acts);
  return out;
}

/** Codes by latent (a counting sort), each value divided by its latent's divisor. */
function groupCodes(codes: SparseCodes, divisor?: tf.Tensor1D): SparseActs {
  const { rows, latents, indptr, indices, values } = codes;
  const by = divisor?.dataSync<'float32'>();
  const starts = new Int32Array(latents + 1);
  for (const latent of indices) starts[latent + 1] = (starts[latent + 1] as number) + 1;
  for (let f = 0; f < latents; f++) starts[f + 1] = (starts[f + 1] as number) + (starts[f] as number);
  const next = starts.slice(0, latents);
  const row = new Int32Array(indices.length);
  const value = new Float32Array(indices.length);
  for (let r = 0; r < rows; r++) {
    for (let e = indptr[r] as number; e < (indptr[r + 1] as number); e++) {
      const latent = indices[e] as number;
      const at = next[latent] as number;
      next[latent] = at + 1;
      row[at] = r;
      value[at] = (values[e] as number) / (by?.[latent] ?? 1);
    }
  }
  return { rows, latents, nnz: indices.length, starts: tf.tensor1d(starts, 'int32'), row: tf.tensor1d(row, 'int32'), value: tf.tensor1d(value) };
}

/** What `productCodes` is where products are not screened. */
export function codesOfProduct(ops: SparseOps, x: tf.Tensor2D, rows: tf.Tensor2D, options: ProductOptions): SparseCodes | undefined {
  const acts = ops.sparsifyProduct(x, rows, options);
  if (acts === undefined) return undefined;
  const codes = ops.codes(acts, acts.value);
  disposeActs(acts);
  return codes;
}

/** What `largestOfProduct` is where products are not screened. */
export function largestOfDense(ops: SparseOps, x: tf.Tensor2D, rows: tf.Tensor2D, options: LargestOptions): SparseActs {
  const pre = tf.matMul(x, rows, false, true) as tf.Tensor2D;
  const acts = ops.batchTopK(pre, options);
  pre.dispose();
  return acts;
}
