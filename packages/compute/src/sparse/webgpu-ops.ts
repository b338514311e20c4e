import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import { WebGpuAdamMatrix, adamRows, normaliseRows } from '../webgpu/adam-rows.js';
import { batchCut, valueAt } from '../webgpu/batch-cut.js';
import { groupByRow } from '../webgpu/by-row.js';
import { compactDense, compactEntries, tidyActs } from '../webgpu/compact.js';
import { WebGpuOwned, WebGpuRowGradient } from '../webgpu/owned.js';
import { decode, dots, expandByLatent, leastByRow, sumByLatent } from '../webgpu/products.js';
import { cutsOfDenseRows, cutsOfSparseRows } from '../webgpu/row-cuts.js';
import { addRows, setRows, squaredNorm } from '../webgpu/row-gradients.js';
import { bandEdge } from './band-edge.js';
import { codesOfProduct, compactCodes, decodeByLatent, joinActs, largestOfDense } from './joined.js';
import type { SparseActs, SparseOps } from './sparse-ops.js';

/**
 * The ops as WGSL kernels (see `webgpu/`), deterministic: no float32 sum depends on the order in which threads run. An op that selects
 * waits for the GPU once, to learn how many entries there are.
 */
export const webGpuSparseOps: SparseOps = {
  kind: 'webgpu',
  sparsify: (pre, options) => tidyActs(() => compactDense(pre, options.bias, { kind: 'above', threshold: bandEdge(options) })),
  sparsifyProduct: (x, rows, options) => tidyActs(() => webGpuSparseOps.sparsify(tf.matMul(x, rows, false, true) as tf.Tensor2D, options)),
  largestOfProduct: (x, rows, options) => largestOfDense(webGpuSparseOps, x, rows, options),
  canScreen: () => false,
  topK: (pre, { bias, k }) => tidyActs(() => compactDense(pre, bias, { kind: 'cut', cuts: cutsOfDenseRows(pre, bias, k) })),
  batchTopK: (pre, { bias, count, floor }) =>
    tidyActs(() => {
      const bound = floor === undefined ? tf.scalar(0) : (tf.maximum(floor, 0) as tf.Scalar);
      return compactDense(pre, bias, { kind: 'cut', cuts: batchCut(pre, { count, bias, bound }) });
    }),
  concat: joinActs,
  keepTopK: (acts, k) => tidyActs(() => (acts.nnz === 0 ? copyOf(acts) : compactEntries(acts, cutsOfSparseRows(acts.value, groupByRow(acts), k)))),
  keepTop: (acts, count) =>
    tf.tidy(() => {
      if (acts.nnz <= count) return { acts: { ...copyOf(acts) }, least: tf.scalar(0) };
      const cut = batchCut(acts.value, { count });
      return { acts: { ...compactEntries(acts, cut) }, least: valueAt(cut) };
    }),
  leastByRow,
  decode: (acts, coefficient, decoder) => {
    if (decoder.rows.shape[0] !== acts.latents) {
      throw new SalmonError('bad-shape', { what: 'A decoder needs one row per latent', expected: String(acts.latents), got: String(decoder.rows.shape[0]) });
    }
    return decode(acts, coefficient, decoder);
  },
  residual: (acts, coefficient, options) =>
    tf.tidy(() => {
      const residual = tf.sub(webGpuSparseOps.decode(acts, coefficient, options), options.target) as tf.Tensor2D;
      return { residual, squares: tf.sum(tf.square(residual)) as tf.Scalar };
    }),
  dots,
  sumByLatent,
  expandByLatent,
  own: (tensor) => new WebGpuOwned(tensor),
  rowGradient: (latents, width, frozen) => new WebGpuRowGradient(latents, width, frozen),
  clear: (gradient) => own(gradient, WebGpuRowGradient).clear(),
  addRows: (gradient, acts, terms) => addRows(own(gradient, WebGpuRowGradient), acts, terms),
  setRows: (gradient, from, rows) => setRows(own(gradient, WebGpuRowGradient), from, rows),
  squaredNorm: (gradient) => squaredNorm(own(gradient, WebGpuRowGradient)),
  normaliseRows: (matrix) => normaliseRows(own(matrix, WebGpuOwned)),
  adamMatrix: (param, start) => new WebGpuAdamMatrix(param, start),
  adamRows: (matrix, gradient, update) => adamRows(own(matrix, WebGpuAdamMatrix), own(gradient, WebGpuRowGradient), update),
  productCodes: (x, rows, options) => codesOfProduct(webGpuSparseOps, x, rows, options),
  decodeCodes: (codes, decoder) => decodeByLatent(webGpuSparseOps, codes, decoder),
  codes: (acts, coefficient) => {
    const { rows, latents, nnz } = acts;
    if (nnz === 0) return { rows, latents, indptr: new Int32Array(rows + 1), indices: new Int32Array(0), values: new Float32Array(0) };
    const tensors = tf.tidy(() => {
      const { starts, entry, latent } = groupByRow(acts);
      return { starts, latent, values: tf.gather(coefficient, entry) };
    });
    const codes = { rows, latents, indptr: tensors.starts.dataSync<'int32'>(), indices: tensors.latent.dataSync<'int32'>(), values: tensors.values.dataSync<'float32'>() };
    tf.dispose([tensors.starts, tensors.latent, tensors.values]);
    return compactCodes(codes);
  },
};

/** The same entries in tensors of their own. */
function copyOf(acts: SparseActs): SparseActs {
  return { ...acts, starts: acts.starts.clone(), row: acts.row.clone(), value: acts.value.clone() };
}

function own<T extends object>(thing: object, kind: new (...args: never[]) => T): T {
  if (thing instanceof kind) return thing;
  throw new Error('memory of another SparseOps implementation');
}
