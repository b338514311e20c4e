import type { SparseCodes } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import type { SparseActs } from './sparse-ops.js';

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
