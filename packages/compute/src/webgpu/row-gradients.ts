import type { RowTerms, SparseActs } from '../sparse/sparse-ops.js';
import { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';
import type { WebGpuRowGradient } from './owned.js';
import { FROZEN } from './owned.js';
import { sumOverGroup } from './products.js';

const THREADS = 128;

const addOuterRows: Kernel = {
  name: 'add rows',
  reads: { starts: 'u32', row: 'u32', coefficient: 'f32', dense: 'f32', touched: 'u32' },
  writes: { values: 'f32', squares: 'f32' },
  parameters: { latents: 'u32', width: 'u32', blocks: 'u32' },
  threads: THREADS,
  declarations: sumOverGroup(THREADS),
  body: `
  let f = min(group / p.blocks, p.latents - 1u);
  let j = (group % p.blocks) * ${THREADS}u + lane;
  let first = starts[f];
  let end = starts[f + 1u];
  var sum = 0.0;
  if (first < end && touched[f] != ${FROZEN} && j < p.width && group < p.latents * p.blocks) {
    let at = f * p.width + j;
    if (touched[f] == 1u) { sum = values[at]; }
    for (var e = first; e < end; e++) { sum += coefficient[e] * dense[row[e] * p.width + j]; }
    values[at] = sum;
  }
  let total = group_sum(lane, sum * sum);
  if (lane == 0u && group < p.latents * p.blocks) { squares[group] = total; }`,
};

/** Afterwards: a shader of its own, because WebGPU grants eight arrays for certain. */
const subtractAlong: Kernel = {
  name: 'subtract along rows',
  reads: { starts: 'u32', along: 'f32', scale: 'f32', touched: 'u32' },
  writes: { values: 'f32', squares: 'f32' },
  parameters: { latents: 'u32', width: 'u32', blocks: 'u32' },
  threads: THREADS,
  declarations: sumOverGroup(THREADS),
  body: `
  let f = min(group / p.blocks, p.latents - 1u);
  let j = (group % p.blocks) * ${THREADS}u + lane;
  var value = 0.0;
  if (starts[f] < starts[f + 1u] && touched[f] != ${FROZEN} && j < p.width && group < p.latents * p.blocks) {
    let at = f * p.width + j;
    value = values[at] - scale[f] * along[at];
    values[at] = value;
  }
  let total = group_sum(lane, value * value);
  if (lane == 0u && group < p.latents * p.blocks) { squares[group] = total; }`,
};

const touchActive: Kernel = {
  name: 'touch rows with entries',
  reads: { starts: 'u32' },
  writes: { touched: 'u32' },
  parameters: { latents: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.latents && starts[thread] < starts[thread + 1u] && touched[thread] == 0u) { touched[thread] = 1u; }',
};

const copyBlock: Kernel = {
  name: 'set rows',
  reads: { given: 'f32' },
  writes: { values: 'f32', touched: 'u32', squares: 'f32' },
  parameters: { begin: 'u32', rows: 'u32', width: 'u32' },
  threads: THREADS,
  declarations: sumOverGroup(THREADS),
  body: `
  let r = min(group, p.rows - 1u);
  let f = p.begin + r;
  let live = group < p.rows && touched[f] != ${FROZEN};
  var sum = 0.0;
  for (var j = lane; live && j < p.width; j += ${THREADS}u) {
    let value = given[r * p.width + j];
    values[f * p.width + j] = value;
    sum += value * value;
  }
  let total = group_sum(lane, sum);
  if (lane == 0u && group < p.rows) {
    squares[r] = total;
    if (live) { touched[f] = 1u; }
  }`,
};

const squareRows: Kernel = {
  name: 'squares of rows',
  reads: { values: 'f32', touched: 'u32' },
  writes: { squares: 'f32' },
  parameters: { latents: 'u32', width: 'u32' },
  threads: THREADS,
  declarations: sumOverGroup(THREADS),
  body: `
  let f = min(group, p.latents - 1u);
  var sum = 0.0;
  if (touched[f] == 1u) {
    for (var j = lane; j < p.width; j += ${THREADS}u) {
      let value = values[f * p.width + j];
      sum += value * value;
    }
  }
  let total = group_sum(lane, sum);
  if (lane == 0u && group < p.latents) { squares[group] = total; }`,
};

export function addRows(gradient: WebGpuRowGradient, acts: SparseActs, { coefficient, dense, minus }: RowTerms): tf.Scalar {
  const { values, touched, latents, width } = gradient;
  const { starts, row } = acts;
  if (acts.nnz === 0) return tf.scalar(0);
  return tf.tidy(() => {
    const blocks = Math.ceil(width / THREADS);
    const squares = uninitialised<tf.Rank.R1>([latents * blocks], 'float32');
    const common = { parameters: { latents, width, blocks }, groups: latents * blocks };
    run(addOuterRows, { ...common, tensors: { values, squares, starts, row, coefficient, dense, touched } });
    if (minus !== undefined) run(subtractAlong, { ...common, tensors: { values, squares, starts, along: minus.rows, scale: minus.scale, touched } });
    run(touchActive, { tensors: { touched, starts }, parameters: { latents }, groups: Math.ceil(latents / THREADS) });
    return tf.sum(squares) as tf.Scalar;
  });
}

export function setRows(gradient: WebGpuRowGradient, begin: number, rows: tf.Tensor2D): tf.Scalar {
  const { values, touched, width } = gradient;
  const n = rows.shape[0];
  if (n === 0) return tf.scalar(0);
  return tf.tidy(() => {
    const squares = uninitialised<tf.Rank.R1>([n], 'float32');
    run(copyBlock, { tensors: { values, touched, squares, given: rows }, parameters: { begin, rows: n, width }, groups: n });
    return tf.sum(squares) as tf.Scalar;
  });
}

export function squaredNorm({ values, touched, latents, width }: WebGpuRowGradient): tf.Scalar {
  return tf.tidy(() => {
    const squares = uninitialised<tf.Rank.R1>([latents], 'float32');
    run(squareRows, { tensors: { squares, values, touched }, parameters: { latents, width }, groups: latents });
    return tf.sum(squares) as tf.Scalar;
  });
}
