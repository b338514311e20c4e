import { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';
import { keyFunctions } from './keys.js';

const THREADS = 256;
/** Candidates that one workgroup looks through. */
const STRETCH = 8192;

/** Candidates: the values + bias above the floor, in row-major order. */
const candidate = `
fn candidate(i: u32) -> u32 {
  var value = values[i];
  if (p.biased == 1u) { value += bias[i % p.latents]; }
  return select(0u, key_of(value), p.bounded == 0u || value > bound[0]);
}`;
const source = { reads: { values: 'f32', bias: 'f32', bound: 'f32' }, parameters: { n: 'u32', latents: 'u32', biased: 'u32', bounded: 'u32' } } as const;

/** state: 0 prefix, 1 mask, 2 still wanted, 3 keep everything, 4 candidates equal to the cut, 5 last position kept. */
const STATE = 6;

const start: Kernel = {
  name: 'batch cut: start',
  reads: {},
  writes: { state: 'u32', histogram: 'u32' },
  parameters: { count: 'u32' },
  threads: THREADS,
  body: `
  if (group > 0u) { return; }
  histogram[lane] = 0u;
  if (lane == 0u) { state[0] = 0u; state[1] = 0u; state[2] = p.count; state[3] = 0u; state[4] = 0u; state[5] = 0xffffffffu; }`,
};

const count: Kernel = {
  name: 'batch cut: count',
  reads: { state: 'u32', ...source.reads },
  writes: { histogram: 'atomic<u32>' },
  parameters: { shift: 'u32', ...source.parameters },
  threads: THREADS,
  declarations: `${keyFunctions}
var<workgroup> local: array<atomic<u32>, 256>;
${candidate}`,
  body: `
  atomicStore(&local[lane], 0u);
  workgroupBarrier();
  for (var i = group * ${STRETCH}u + lane; i < min((group + 1u) * ${STRETCH}u, p.n); i += ${THREADS}u) {
    let key = candidate(i);
    if (key != 0u && (key & state[1]) == state[0]) { atomicAdd(&local[(key >> p.shift) & 255u], 1u); }
  }
  workgroupBarrier();
  let found = atomicLoad(&local[lane]);
  if (found > 0u) { atomicAdd(&histogram[lane], found); }`,
};

const narrow: Kernel = {
  name: 'batch cut: narrow',
  reads: {},
  writes: { state: 'u32', histogram: 'u32' },
  parameters: { shift: 'u32' },
  threads: 1,
  body: `
  if (thread > 0u) { return; }
  var found = state[3] == 1u;
  for (var b = 255i; b >= 0i; b--) {
    let count = histogram[b];
    histogram[b] = 0u;
    if (found) { continue; }
    if (count >= state[2]) {
      state[0] |= u32(b) << p.shift;
      state[1] |= 255u << p.shift;
      state[4] = count;
      found = true;
    } else {
      state[2] -= count;
    }
  }
  if (!found) { state[3] = 1u; }`,
};

/** Where more candidates equal the cut than are wanted: how many of them each stretch holds. */
const countEqual: Kernel = {
  name: 'batch cut: count equal',
  reads: { state: 'u32', ...source.reads },
  writes: { equal: 'u32' },
  parameters: source.parameters,
  threads: THREADS,
  declarations: `${keyFunctions}
var<workgroup> local: atomic<u32>;
${candidate}`,
  body: `
  if (lane == 0u) { atomicStore(&local, 0u); }
  workgroupBarrier();
  if (state[3] == 0u && state[4] > state[2]) {
    for (var i = group * ${STRETCH}u + lane; i < min((group + 1u) * ${STRETCH}u, p.n); i += ${THREADS}u) {
      if (candidate(i) == state[0]) { atomicAdd(&local, 1u); }
    }
  }
  workgroupBarrier();
  if (lane == 0u && group * ${STRETCH}u < p.n) { equal[group] = atomicLoad(&local); }`,
};

const finish: Kernel = {
  name: 'batch cut: finish',
  reads: { state: 'u32', equal: 'u32', ...source.reads },
  writes: { cut: 'u32' },
  parameters: { count: 'u32', ...source.parameters },
  threads: 1,
  declarations: `${keyFunctions}
${candidate}`,
  body: `
  if (thread > 0u) { return; }
  // Everything: all keys above the bound's.
  var key = select(state[0], select(0u, key_of(bound[0]) + 1u, p.bounded == 1u), state[3] == 1u);
  var last = 0xffffffffu;
  if (p.count == 0u) {
    key = 0xffffffffu;
    last = 0u;
  } else if (state[3] == 0u && state[4] > state[2]) {
    var left = state[2];
    var stretch = 0u;
    while (left > equal[stretch]) { left -= equal[stretch]; stretch++; }
    for (var i = stretch * ${STRETCH}u; i < p.n; i++) {
      if (candidate(i) == key) { left--; }
      if (left == 0u) { last = i; break; }
    }
  }
  cut[0] = key;
  cut[1] = last;`,
};

const leastValue: Kernel = {
  name: 'batch cut: least value',
  reads: { cut: 'u32' },
  writes: { least: 'f32' },
  parameters: {},
  threads: 1,
  declarations: keyFunctions,
  body: `
  if (thread > 0u) { return; }
  let none = cut[0] == 0u || cut[0] == 0xffffffffu;
  least[0] = select(value_of(cut[0]), 0.0, none);`,
};

export interface BatchCutOptions {
  readonly count: number;
  /** Added to each column. */
  readonly bias?: tf.Tensor1D | undefined;
  /** Candidates must be above it. */
  readonly bound?: tf.Scalar | undefined;
}

/** The key and the position up to which the `count` largest values are kept: [1, 2]. */
export function batchCut(values: tf.Tensor, options: BatchCutOptions): tf.Tensor2D {
  const { bias, bound } = options;
  const n = values.size;
  const groups = Math.ceil(n / STRETCH);
  const state = uninitialised<tf.Rank.R1>([STATE], 'int32');
  const histogram = uninitialised<tf.Rank.R1>([256], 'int32');
  const equal = uninitialised<tf.Rank.R1>([Math.max(1, groups)], 'int32');
  const cut = uninitialised<tf.Rank.R2>([1, 2], 'int32');
  const candidates = { values, bias: bias ?? values, bound: bound ?? values };
  const parameters = { n, latents: values.shape.at(-1) as number, biased: bias === undefined ? 0 : 1, bounded: bound === undefined ? 0 : 1, count: options.count };
  run(start, { tensors: { state, histogram }, parameters, groups: 1 });
  for (const shift of [24, 16, 8, 0]) {
    run(count, { tensors: { histogram, state, ...candidates }, parameters: { ...parameters, shift }, groups });
    run(narrow, { tensors: { state, histogram }, parameters: { shift }, groups: 1 });
  }
  run(countEqual, { tensors: { equal, state, ...candidates }, parameters, groups });
  run(finish, { tensors: { cut, state, equal, ...candidates }, parameters, groups: 1 });
  return cut;
}

/** The value at the cut, 0 where nothing was cut away or all was. */
export function valueAt(cut: tf.Tensor2D): tf.Scalar {
  const least = uninitialised<tf.Rank.R1>([1], 'float32');
  run(leastValue, { tensors: { least, cut }, groups: 1 });
  return tf.reshape(least, []) as tf.Scalar;
}
