import type { SparseActs } from '@salmon-sae/compute';
import { tf } from '@salmon-sae/compute';

/** The entries numbered fromEntry .. toEntry - 1, all those of some range of latents, over all latents. Call inside a tidy. */
export function entriesIn(acts: SparseActs, { fromEntry, toEntry }: { readonly fromEntry: number; readonly toEntry: number }): SparseActs {
  const nnz = toEntry - fromEntry;
  const int = (value: number): tf.Scalar => tf.scalar(value, 'int32');
  const starts = tf.minimum(tf.maximum(tf.sub(acts.starts, int(fromEntry)), int(0)), int(nnz)) as tf.Tensor1D;
  const cut = <T extends tf.Tensor1D>(tensor: T): T => tf.slice(tensor, fromEntry, nnz) as T;
  return { rows: acts.rows, latents: acts.latents, nnz, starts, row: cut(acts.row), value: cut(acts.value) };
}

/** One entry of value 1 for each listed latent (ascending), whose row is its place in the list: with it `addRows` adds the rows of a [n, d] matrix to those latents. */
export function listedLatents(listed: Int32Array, latents: number): SparseActs {
  const starts = new Int32Array(latents + 1);
  for (const f of listed) starts[f + 1] = 1;
  for (let f = 0; f < latents; f++) (starts[f + 1] as number) += starts[f] as number;
  const n = listed.length;
  return { rows: n, latents, nnz: n, starts: tf.tensor1d(starts, 'int32'), row: tf.tensor1d(Int32Array.from({ length: n }, (_, i) => i), 'int32'), value: tf.ones([n]) as tf.Tensor1D };
}

/** Values of the listed latents as a vector over all, zero elsewhere. */
export function spread(values: tf.Tensor1D, listed: Int32Array, latents: number): tf.Tensor1D {
  return tf.scatterND(tf.tensor2d(listed, [listed.length, 1], 'int32'), values, [latents]) as tf.Tensor1D;
}
