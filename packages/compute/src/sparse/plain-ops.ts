import { tf } from '../tf.js';
import { codesOfProduct, compactCodes, decodeByLatent, joinActs, largestOfDense } from './joined.js';
import { PlainAdamMatrix, normaliseRow, plainAdamRows } from './plain-adam.js';
import { PlainOwned, PlainRowGradient } from './plain-owned.js';
import { denseValues, groupByLatent, largest, pick, readActs, selectAbove } from './plain-select.js';
import type { AdamMatrix, Decoder, OwnedTensor, RowGradient, RowTerms, SparseActs, SparseOps } from './sparse-ops.js';

/** The ops in TypeScript over typed arrays, for backends without the native module. */
export const plainSparseOps: SparseOps = {
  kind: 'plain',
  sparsify: (pre, { bias, threshold, band }) => {
    const low = Float64Array.from(threshold.dataSync<'float32'>(), (t) => t - (band ?? 0) * 0.50001);
    return groupByLatent(selectAbove(denseValues(pre, bias), low, pre.shape[0]), pre.shape[0], pre.shape[1]);
  },
  sparsifyProduct: (x, rows, options) => {
    const pre = tf.matMul(x, rows, false, true) as tf.Tensor2D;
    const acts = plainSparseOps.sparsify(pre, options);
    pre.dispose();
    return acts;
  },
  largestOfProduct: (x, rows, options) => largestOfDense(plainSparseOps, x, rows, options),
  canScreen: () => false,
  topK: (pre, { bias, k }) => {
    const [rows, latents] = pre.shape;
    const positive = groupByLatent(selectAbove(denseValues(pre, bias), new Float32Array(latents), rows), rows, latents);
    const kept = keepPerRow(positive, k);
    disposeLoose(positive);
    return kept;
  },
  batchTopK: (pre, { bias, count, floor }) => {
    const [rows, latents] = pre.shape;
    const least = Math.max(0, floor === undefined ? 0 : (floor.dataSync()[0] as number));
    const found = selectAbove(denseValues(pre, bias), new Float32Array(latents).fill(least), rows);
    const kept = largest(found.value, Array.from(found.value, (_, i) => i), count);
    const of = (list: ArrayLike<number>): number[] => kept.map((i) => list[i] as number);
    return groupByLatent({ row: of(found.row), latent: of(found.latent), value: of(found.value) }, rows, latents);
  },
  concat: joinActs,
  keepTopK: keepPerRow,
  keepTop: (acts, count) => {
    const read = readActs(acts);
    const kept = largest(read.value, Array.from(read.value, (_, i) => i), count);
    const least = acts.nnz > count && kept.length > 0 ? kept.reduce((low, e) => Math.min(low, read.value[e] as number), Infinity) : 0;
    return { acts: pick(acts, read, kept), least: tf.scalar(least) };
  },
  leastByRow: (acts) => {
    const { row, value } = readActs(acts);
    const least = new Float32Array(acts.rows).fill(Infinity);
    for (const [e, r] of row.entries()) least[r] = Math.min(least[r] as number, value[e] as number);
    return tf.tensor1d(least);
  },
  decode: (acts, coefficient, decoder) => tf.tensor2d(decodeInto(acts, coefficient, decoder), [acts.rows, decoder.rows.shape[1]]),
  residual: (acts, coefficient, options) => {
    const out = decodeInto(acts, coefficient, options);
    const target = options.target.dataSync<'float32'>();
    let squares = 0;
    for (let i = 0; i < out.length; i++) {
      const difference = Math.fround((out[i] as number) - (target[i] as number));
      out[i] = difference;
      squares += difference * difference;
    }
    return { residual: tf.tensor2d(out, [acts.rows, options.rows.shape[1]]), squares: tf.scalar(squares) };
  },
  dots: (acts, dense, rows) => {
    const { row, latent } = readActs(acts);
    const d = rows.shape[1];
    const x = dense.dataSync<'float32'>();
    const w = rows.dataSync<'float32'>();
    const out = new Float32Array(acts.nnz);
    for (let e = 0; e < acts.nnz; e++) {
      const at = (row[e] as number) * d;
      const from = (latent[e] as number) * d;
      let sum = 0;
      for (let i = 0; i < d; i++) sum += (x[at + i] as number) * (w[from + i] as number);
      out[e] = sum;
    }
    return tf.tensor1d(out);
  },
  sumByLatent: (acts, values) => {
    const { latent } = readActs(acts);
    const sums = new Float64Array(acts.latents);
    const all = values.dataSync<'float32'>();
    for (let e = 0; e < acts.nnz; e++) (sums[latent[e] as number] as number) += all[e] as number;
    return tf.tensor1d(Float32Array.from(sums));
  },
  expandByLatent: (acts, values) => {
    const { latent } = readActs(acts);
    const all = values.dataSync<'float32'>();
    return tf.tensor1d(Float32Array.from(latent, (f) => all[f] as number));
  },
  own: (tensor) => new PlainOwned(tensor),
  rowGradient: (latents, width, frozen) => new PlainRowGradient(latents, width, frozen),
  clear: (gradient) => {
    const { touched } = plain(gradient);
    for (let f = 0; f < touched.length; f++) touched[f] = Math.min(touched[f] as number, 0);
  },
  addRows: (gradient, acts, terms) => tf.scalar(addRows(plain(gradient), acts, terms)),
  setRows: (gradient, from, rows) => {
    const { values, touched, width } = plain(gradient);
    const given = rows.dataSync<'float32'>();
    let squares = 0;
    for (let i = 0; i < given.length; i++) {
      const f = from + Math.floor(i / width);
      if ((touched[f] as number) < 0) continue;
      touched[f] = 1;
      values[from * width + i] = given[i] as number;
      squares += (given[i] as number) ** 2;
    }
    return tf.scalar(squares);
  },
  squaredNorm: (gradient) => {
    const { values, touched, width } = plain(gradient);
    let sum = 0;
    for (let i = 0; i < values.length; i++) if (touched[Math.floor(i / width)] === 1) sum += (values[i] as number) ** 2;
    return tf.scalar(sum);
  },
  normaliseRows: (matrix) => {
    const values = owned(matrix).write();
    const width = matrix.shape[1] as number;
    for (let from = 0; from < values.length; from += width) normaliseRow(values, from, width);
  },
  adamMatrix: (param, start) => new PlainAdamMatrix(param, start),
  adamRows: (matrix, gradient, update) => plainAdamRows(plainMatrix(matrix), plain(gradient), update),
  productCodes: (x, rows, options) => codesOfProduct(plainSparseOps, x, rows, options),
  decodeCodes: (codes, decoder) => decodeByLatent(plainSparseOps, codes, decoder),
  codes: (acts, coefficient) => {
    const { row, latent } = readActs(acts);
    const all = coefficient.dataSync<'float32'>();
    const indptr = new Int32Array(acts.rows + 1);
    for (const r of row) (indptr[r + 1] as number)++;
    for (let r = 0; r < acts.rows; r++) (indptr[r + 1] as number) += indptr[r] as number;
    const at = indptr.slice(0, acts.rows);
    const indices = new Int32Array(acts.nnz);
    const values = new Float32Array(acts.nnz);
    for (let e = 0; e < acts.nnz; e++) {
      const to = (at[row[e] as number] as number)++;
      indices[to] = latent[e] as number;
      values[to] = all[e] as number;
    }
    return compactCodes({ rows: acts.rows, latents: acts.latents, indptr, indices, values });
  },
};

function keepPerRow(acts: SparseActs, k: number): SparseActs {
  const read = readActs(acts);
  const byRow: number[][] = Array.from({ length: acts.rows }, () => []);
  for (let e = 0; e < acts.nnz; e++) (byRow[read.row[e] as number] as number[]).push(e);
  const kept = byRow.flatMap((entries) => largest(read.value, entries, k)).sort((a, b) => a - b);
  return pick(acts, read, kept);
}

function decodeInto(acts: SparseActs, coefficient: tf.Tensor1D, decoder: Decoder): Float32Array {
  const { row, latent } = readActs(acts);
  const d = decoder.rows.shape[1];
  const c = coefficient.dataSync<'float32'>();
  const w = decoder.rows.dataSync<'float32'>();
  const bias = decoder.bias?.dataSync<'float32'>();
  const out = new Float32Array(acts.rows * d);
  if (bias !== undefined) for (let r = 0; r < acts.rows; r++) out.set(bias, r * d);
  for (let e = 0; e < acts.nnz; e++) {
    const scale = c[e] as number;
    if (scale === 0) continue;
    const at = (row[e] as number) * d;
    const from = (latent[e] as number) * d;
    for (let i = 0; i < d; i++) out[at + i] = (out[at + i] as number) + scale * (w[from + i] as number);
  }
  return out;
}

function addRows(gradient: PlainRowGradient, acts: SparseActs, { coefficient, dense, minus }: RowTerms): number {
  const { starts, row } = readActs(acts);
  const { values, touched, width } = gradient;
  const c = coefficient.dataSync<'float32'>();
  const x = dense.dataSync<'float32'>();
  const rows = minus?.rows.dataSync<'float32'>();
  const scale = minus?.scale.dataSync<'float32'>();
  let squares = 0;
  for (let f = 0; f < acts.latents; f++) {
    const from = f * width;
    if (starts[f] === starts[f + 1] || (touched[f] as number) < 0) continue;
    if (touched[f] === 0) values.fill(0, from, from + width);
    touched[f] = 1;
    for (let e = starts[f] as number; e < (starts[f + 1] as number); e++) {
      const at = (row[e] as number) * width;
      for (let i = 0; i < width; i++) values[from + i] = (values[from + i] as number) + (c[e] as number) * (x[at + i] as number);
    }
    for (let i = from; i < from + width; i++) {
      if (rows !== undefined && scale !== undefined) values[i] = (values[i] as number) - (scale[f] as number) * (rows[i] as number);
      squares += (values[i] as number) ** 2;
    }
  }
  return squares;
}

function disposeLoose(acts: SparseActs): void {
  for (const tensor of [acts.starts, acts.row, acts.value]) tensor.dispose();
}

function owned(tensor: OwnedTensor): PlainOwned {
  if (tensor instanceof PlainOwned) return tensor;
  throw new Error('a tensor owned by another SparseOps implementation');
}

function plain(gradient: RowGradient): PlainRowGradient {
  if (gradient instanceof PlainRowGradient) return gradient;
  throw new Error('a gradient of another SparseOps implementation');
}

function plainMatrix(matrix: AdamMatrix): PlainAdamMatrix {
  if (matrix instanceof PlainAdamMatrix) return matrix;
  throw new Error('an optimizer matrix of another SparseOps implementation');
}
