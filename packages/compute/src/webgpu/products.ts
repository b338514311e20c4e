import type { Decoder, SparseActs } from '../sparse/sparse-ops.js';
import { tf } from '../tf.js';
import { groupByRow, latentFunction } from './by-row.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';

const THREADS = 64;
const WIDE = 256;

/** WGSL: the sum over a workgroup of one value per thread, in two steps; all threads must call it, once. */
export function sumOverGroup(threads: number): string {
  const parts = 8;
  const each = threads / parts;
  return `
var<workgroup> terms: array<f32, ${threads}>;
var<workgroup> part_sums: array<f32, ${parts}>;
fn group_sum(lane: u32, term: f32) -> f32 {
  terms[lane] = term;
  workgroupBarrier();
  if (lane < ${parts}u) {
    var sum = 0.0;
    for (var i = 0u; i < ${each}u; i++) { sum += terms[lane * ${each}u + i]; }
    part_sums[lane] = sum;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < ${parts}u; i++) { total += part_sums[i]; }
  return total;
}`;
}

const decodeRows: Kernel = {
  name: 'decode',
  reads: { starts: 'u32', entry: 'u32', latent: 'u32', coefficient: 'f32', weights: 'f32', bias: 'f32' },
  writes: { out: 'f32' },
  parameters: { rows: 'u32', width: 'u32', blocks: 'u32', biased: 'u32' },
  threads: WIDE,
  body: `
  let r = group / p.blocks;
  let j = (group % p.blocks) * ${WIDE}u + lane;
  if (r >= p.rows || j >= p.width) { return; }
  var sum = 0.0;
  if (p.biased == 1u) { sum = bias[j]; }
  for (var i = starts[r]; i < starts[r + 1u]; i++) { sum += coefficient[entry[i]] * weights[latent[i] * p.width + j]; }
  out[r * p.width + j] = sum;`,
};

const dotEntries: Kernel = {
  name: 'dots',
  reads: { starts: 'u32', row: 'u32', dense: 'f32', weights: 'f32' },
  writes: { out: 'f32' },
  parameters: { n: 'u32', latents: 'u32', width: 'u32' },
  threads: THREADS,
  declarations: `${latentFunction}${sumOverGroup(THREADS)}`,
  body: `
  let e = min(group, p.n - 1u);
  let x = row[e] * p.width;
  let w = latent_of(e, p.latents) * p.width;
  var sum = 0.0;
  for (var j = lane; j < p.width; j += ${THREADS}u) { sum += dense[x + j] * weights[w + j]; }
  let total = group_sum(lane, sum);
  if (lane == 0u && group < p.n) { out[group] = total; }`,
};

const sumColumns: Kernel = {
  name: 'sum by latent',
  reads: { starts: 'u32', values: 'f32' },
  writes: { sums: 'f32' },
  parameters: { latents: 'u32' },
  threads: THREADS,
  body: `
  if (thread >= p.latents) { return; }
  var sum = 0.0;
  for (var e = starts[thread]; e < starts[thread + 1u]; e++) { sum += values[e]; }
  sums[thread] = sum;`,
};

const expandColumns: Kernel = {
  name: 'expand by latent',
  reads: { starts: 'u32', values: 'f32' },
  writes: { out: 'f32' },
  parameters: { n: 'u32', latents: 'u32' },
  threads: THREADS,
  declarations: latentFunction,
  body: 'if (thread < p.n) { out[thread] = values[latent_of(thread, p.latents)]; }',
};

const leastOfRows: Kernel = {
  name: 'least by row',
  reads: { starts: 'u32', entry: 'u32', values: 'f32' },
  writes: { least: 'f32' },
  parameters: { rows: 'u32', infinity: 'f32' },
  threads: THREADS,
  body: `
  if (thread >= p.rows) { return; }
  var low = p.infinity;
  for (var i = starts[thread]; i < starts[thread + 1u]; i++) { low = min(low, values[entry[i]]); }
  least[thread] = low;`,
};

export function leastByRow(acts: SparseActs): tf.Tensor1D {
  const { rows, nnz } = acts;
  return tf.tidy(() => {
    if (nnz === 0) return tf.fill([rows], Infinity) as tf.Tensor1D;
    const { starts, entry } = groupByRow(acts);
    const least = uninitialised<tf.Rank.R1>([rows], 'float32');
    run(leastOfRows, { tensors: { least, starts, entry, values: acts.value }, parameters: { rows, infinity: Infinity }, groups: Math.ceil(rows / THREADS) });
    return least;
  });
}

export function decode(acts: SparseActs, coefficient: tf.Tensor1D, { rows: weights, bias }: Decoder): tf.Tensor2D {
  const { rows, nnz } = acts;
  const width = weights.shape[1];
  return tf.tidy(() => {
    if (nnz === 0) return bias === undefined ? tf.zeros<tf.Rank.R2>([rows, width]) : (tf.tile(tf.expandDims(bias, 0), [rows, 1]) as tf.Tensor2D);
    const out = uninitialised<tf.Rank.R2>([rows, width], 'float32');
    const blocks = Math.ceil(width / WIDE);
    const parameters = { rows, width, blocks, biased: bias === undefined ? 0 : 1 };
    run(decodeRows, { tensors: { out, ...groupByRow(acts), coefficient, weights, bias: bias ?? weights }, parameters, groups: rows * blocks });
    return out;
  });
}

export function dots(acts: SparseActs, dense: tf.Tensor2D, weights: tf.Tensor2D): tf.Tensor1D {
  const { nnz: n, latents, starts, row } = acts;
  const out = uninitialised<tf.Rank.R1>([n], 'float32');
  run(dotEntries, { tensors: { out, starts, row, dense, weights }, parameters: { n, latents, width: weights.shape[1] }, groups: n });
  return out;
}

export function sumByLatent(acts: SparseActs, values: tf.Tensor1D): tf.Tensor1D {
  const { latents, starts } = acts;
  if (acts.nnz === 0) return tf.zeros([latents]);
  const sums = uninitialised<tf.Rank.R1>([latents], 'float32');
  run(sumColumns, { tensors: { sums, starts, values }, parameters: { latents }, groups: Math.ceil(latents / THREADS) });
  return sums;
}

export function expandByLatent(acts: SparseActs, values: tf.Tensor1D): tf.Tensor1D {
  const { nnz: n, latents, starts } = acts;
  const out = uninitialised<tf.Rank.R1>([n], 'float32');
  run(expandColumns, { tensors: { out, starts, values }, parameters: { n, latents }, groups: Math.ceil(n / THREADS) });
  return out;
}
