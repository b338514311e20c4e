import type { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';

const THREADS = 256;
const PER_THREAD = 8;
const BLOCK = THREADS * PER_THREAD;

/** Offsets within blocks of 2,048 and the blocks' sums. */
const scanBlocks: Kernel = {
  name: 'scan blocks',
  reads: { counts: 'u32' },
  writes: { offsets: 'u32', sums: 'u32' },
  parameters: { n: 'u32' },
  threads: THREADS,
  declarations: `var<workgroup> shared_sums: array<u32, ${THREADS}>;`,
  body: `
  let begin = group * ${BLOCK}u + lane * ${PER_THREAD}u;
  var own = 0u;
  for (var i = begin; i < min(begin + ${PER_THREAD}u, p.n); i++) { own += counts[i]; }
  shared_sums[lane] = own;
  workgroupBarrier();
  for (var step = 1u; step < ${THREADS}u; step *= 2u) {
    let before = select(0u, shared_sums[max(lane, step) - step], lane >= step);
    workgroupBarrier();
    shared_sums[lane] += before;
    workgroupBarrier();
  }
  var at = shared_sums[lane] - own;
  for (var i = begin; i < min(begin + ${PER_THREAD}u, p.n); i++) {
    offsets[i] = at;
    at += counts[i];
  }
  if (lane == ${THREADS - 1}u && group * ${BLOCK}u < p.n) { sums[group] = shared_sums[lane]; }`,
};

/** Adds what stands before each block; the total goes behind the last offset. */
const addBlocks: Kernel = {
  name: 'add blocks',
  reads: { before: 'u32' },
  writes: { offsets: 'u32' },
  parameters: { n: 'u32', blocks: 'u32' },
  threads: THREADS,
  body: `
  if (thread < p.n) { offsets[thread] += before[thread / ${BLOCK}u]; }
  if (thread == p.n) { offsets[thread] = before[p.blocks]; }`,
};

const endWithSum: Kernel = {
  name: 'end with sum',
  reads: { sums: 'u32' },
  writes: { offsets: 'u32' },
  parameters: { n: 'u32' },
  threads: 1,
  body: 'if (thread == 0u) { offsets[p.n] = sums[0]; }',
};

/** Exclusive prefix sums of non-negative integers [n], n > 0, and their total at the end: [n + 1]. */
export function scan(counts: tf.Tensor1D): tf.Tensor1D {
  const n = counts.shape[0];
  const blocks = Math.ceil(n / BLOCK);
  const offsets = uninitialised<tf.Rank.R1>([n + 1], 'int32');
  const sums = uninitialised<tf.Rank.R1>([blocks], 'int32');
  run(scanBlocks, { tensors: { counts, offsets, sums }, parameters: { n }, groups: blocks });
  if (blocks === 1) run(endWithSum, { tensors: { offsets, sums }, parameters: { n }, groups: 1 });
  else run(addBlocks, { tensors: { offsets, before: scan(sums) }, parameters: { n, blocks }, groups: Math.ceil((n + 1) / THREADS) });
  return offsets;
}
