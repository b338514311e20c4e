import type { SparseActs } from '../sparse/sparse-ops.js';
import type { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';
import { scan } from './scan.js';

const THREADS = 256;
const SORTERS = 64;

const tally: Kernel = {
  name: 'by row: tally',
  reads: { row: 'u32' },
  writes: { counts: 'atomic<u32>' },
  parameters: { n: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.n) { atomicAdd(&counts[row[thread]], 1u); }',
};

const deal: Kernel = {
  name: 'by row: deal',
  reads: { row: 'u32', starts: 'u32' },
  writes: { dealt: 'atomic<u32>', loose: 'u32' },
  parameters: { n: 'u32' },
  threads: THREADS,
  body: `
  if (thread >= p.n) { return; }
  let r = row[thread];
  loose[starts[r] + atomicAdd(&dealt[r], 1u)] = thread;`,
};

/** The order in which threads dealt is chance; counting the smaller ones gives each entry its place. */
const sort: Kernel = {
  name: 'by row: sort',
  reads: { starts: 'u32', loose: 'u32' },
  writes: { entry: 'u32' },
  parameters: { rows: 'u32' },
  threads: SORTERS,
  body: `
  if (group >= p.rows) { return; }
  let first = starts[group];
  let end = starts[group + 1u];
  for (var i = first + lane; i < end; i += ${SORTERS}u) {
    let own = loose[i];
    var place = first;
    for (var j = first; j < end; j++) { place += select(0u, 1u, loose[j] < own); }
    entry[place] = own;
  }`,
};

/** WGSL: the latent of an entry, by bisection of starts [latents + 1]. */
export const latentFunction = `
fn latent_of(e: u32, latents: u32) -> u32 {
  var low = 0u;
  var high = latents;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (starts[middle] <= e) { low = middle; } else { high = middle; }
  }
  return low;
}`;

const label: Kernel = {
  name: 'by row: latents',
  reads: { entry: 'u32', starts: 'u32' },
  writes: { latent: 'u32' },
  parameters: { n: 'u32', latents: 'u32' },
  threads: THREADS,
  declarations: latentFunction,
  body: 'if (thread < p.n) { latent[thread] = latent_of(entry[thread], p.latents); }',
};

/** The entries row by row, latents ascending. */
export interface ByRow {
  /** int32 [B + 1] */
  readonly starts: tf.Tensor1D;
  /** int32 [nnz]: index of the entry. */
  readonly entry: tf.Tensor1D;
  /** int32 [nnz] */
  readonly latent: tf.Tensor1D;
}

/** Call inside a tidy, with entries to regroup. */
export function groupByRow(acts: SparseActs): ByRow {
  const { rows, latents, nnz: n, row } = acts;
  const groups = Math.ceil(n / THREADS);
  const [counts, dealt] = [zeroWords(rows), zeroWords(rows)];
  run(tally, { tensors: { counts, row }, parameters: { n }, groups });
  const starts = scan(counts);
  const [loose, entry, latent] = [uninitialised<tf.Rank.R1>([n], 'int32'), uninitialised<tf.Rank.R1>([n], 'int32'), uninitialised<tf.Rank.R1>([n], 'int32')];
  run(deal, { tensors: { dealt, loose, row, starts }, parameters: { n }, groups });
  run(sort, { tensors: { entry, starts, loose }, parameters: { rows }, groups: rows });
  run(label, { tensors: { latent, entry, starts: acts.starts }, parameters: { n, latents }, groups });
  return { starts, entry, latent };
}

const clear: Kernel = {
  name: 'clear words',
  reads: {},
  writes: { words: 'u32' },
  parameters: { n: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.n) { words[thread] = 0u; }',
};

/** Zeros in memory that is written to at once: TensorFlow.js may share those it makes. */
function zeroWords(n: number): tf.Tensor1D {
  const words = uninitialised<tf.Rank.R1>([n], 'int32');
  run(clear, { tensors: { words }, parameters: { n }, groups: Math.ceil(n / THREADS) });
  return words;
}
