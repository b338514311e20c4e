import type { SparseCodes } from '@salmon-sae/dataflow';
import type { tf } from '../tf.js';
import type { SparseActs } from './sparse-ops.js';

/** The three outputs by which native ops hand entries over by latent. */
export function toActs(rows: number, latents: number, out: readonly tf.Tensor[]): SparseActs {
  const [starts, row, value] = out as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
  return { rows, latents, nnz: value.shape[0], starts, row, value };
}

/** The three outputs by which they hand them over by row, read and freed. */
export function readCodes(rows: number, latents: number, out: readonly tf.Tensor[]): SparseCodes {
  const [indptr, indices, values] = out as [tf.Tensor, tf.Tensor, tf.Tensor];
  const codes = { rows, latents, indptr: indptr.dataSync<'int32'>(), indices: indices.dataSync<'int32'>(), values: values.dataSync<'float32'>() };
  for (const tensor of out) tensor.dispose();
  return codes;
}
