import type { SparseActs } from '../sparse/sparse-ops.js';
import { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';
import { keptFunction, keyFunctions } from './keys.js';
import { readWords } from './read-sync.js';
import { scan } from './scan.js';

const THREADS = 256;
/** Rows that one thread walks down in a column: short, so that few latents still make many threads. */
const STRIP = 32;

/** Which entries of pre + bias count. */
export type DenseRule =
  | { readonly kind: 'above'; readonly threshold: tf.Tensor1D }
  /** One cut per row [B, 2], positions being latents, or one for all [1, 2], positions being row-major. */
  | { readonly kind: 'cut'; readonly cuts: tf.Tensor2D };

interface Pair {
  readonly count: Kernel;
  readonly fill: Kernel;
}

function denseKernels(name: string, rule: { readonly reads: Kernel['reads']; readonly declarations: string }): Pair {
  const common = {
    parameters: { rows: 'u32', latents: 'u32', strips: 'u32', biased: 'u32', per_row: 'u32' },
    threads: THREADS,
    declarations: `${keyFunctions}${keptFunction}
fn value_at(r: u32, f: u32) -> f32 {
  var value = pre[r * p.latents + f];
  if (p.biased == 1u) { value += bias[f]; }
  return value;
}
${rule.declarations}`,
  } as const;
  // Neighbouring threads read neighbouring latents; a latent's strips follow one another in the counts.
  const walk = (before: string, each: string, after: string): string => `
  if (thread >= p.latents * p.strips) { return; }
  let f = thread % p.latents;
  let strip = thread / p.latents;
  let at = f * p.strips + strip;
  ${before}
  for (var r = strip * ${STRIP}u; r < min((strip + 1u) * ${STRIP}u, p.rows); r++) {
    let value = value_at(r, f);
    if (counts_here(r, f, value)) { ${each} }
  }
  ${after}`;
  return {
    count: { ...common, name: `${name}: count`, reads: { pre: 'f32', bias: 'f32', ...rule.reads }, writes: { counts: 'u32' }, body: walk('var n = 0u;', 'n++;', 'counts[at] = n;') },
    fill: {
      ...common,
      name: `${name}: fill`,
      reads: { pre: 'f32', bias: 'f32', ...rule.reads, offsets: 'u32' },
      writes: { row: 'u32', chosen: 'f32' },
      body: walk('var to = offsets[at];', 'row[to] = r; chosen[to] = value; to++;', ''),
    },
  };
}

const above = denseKernels('entries above', {
  reads: { threshold: 'f32' },
  declarations: 'fn counts_here(r: u32, f: u32, value: f32) -> bool { return value > threshold[f]; }',
});
const cutOff = denseKernels('entries to a cut', {
  reads: { cuts: 'u32' },
  declarations: `
fn counts_here(r: u32, f: u32, value: f32) -> bool {
  let at = 2u * r * p.per_row;
  return kept(select(0u, key_of(value), value > 0.0), cuts[at], cuts[at + 1u], f + r * p.latents * (1u - p.per_row));
}`,
});

const everyNth: Kernel = {
  name: 'every nth',
  reads: { values: 'u32' },
  writes: { picked: 'u32' },
  parameters: { n: 'u32', stride: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.n) { picked[thread] = values[thread * p.stride]; }',
};

/** The entries of pre + bias that count, grouped by latent, rows ascending. Waits for the GPU once, for their number. */
export function compactDense(pre: tf.Tensor2D, bias: tf.Tensor1D | undefined, rule: DenseRule): SparseActs {
  const [rows, latents] = pre.shape;
  if (rows === 0 || latents === 0) return emptyActs(rows, latents);
  const kernels = rule.kind === 'above' ? above : cutOff;
  const strips = Math.ceil(rows / STRIP);
  const common = { pre, bias: bias ?? pre, ...(rule.kind === 'above' ? { threshold: rule.threshold } : { cuts: rule.cuts }) };
  const parameters = { rows, latents, strips, biased: bias === undefined ? 0 : 1, per_row: rule.kind === 'cut' && rule.cuts.shape[0] === rows ? 1 : 0 };
  return tidyActs(() => {
    const groups = Math.ceil((latents * strips) / THREADS);
    const counts = uninitialised<tf.Rank.R1>([latents * strips], 'int32');
    run(kernels.count, { tensors: { ...common, counts }, parameters, groups });
    const offsets = scan(counts);
    const nnz = readWords(offsets.dataId, latents * strips, 1)[0] as number;
    if (nnz === 0) return emptyActs(rows, latents);
    const [row, chosen] = [uninitialised<tf.Rank.R1>([nnz], 'int32'), uninitialised<tf.Rank.R1>([nnz], 'float32')];
    run(kernels.fill, { tensors: { ...common, offsets, row, chosen }, parameters, groups });
    return { rows, latents, nnz, starts: pickEvery(offsets, strips, latents + 1), row, value: chosen };
  });
}

const markEntries: Kernel = {
  name: 'kept entries: mark',
  reads: { value: 'f32', row: 'u32', cuts: 'u32' },
  writes: { marks: 'u32' },
  parameters: { n: 'u32', per_row: 'u32' },
  threads: THREADS,
  declarations: `${keyFunctions}${keptFunction}`,
  body: `
  if (thread >= p.n) { return; }
  let at = 2u * row[thread] * p.per_row;
  marks[thread] = select(0u, 1u, kept(key_of(value[thread]), cuts[at], cuts[at + 1u], thread));`,
};

const moveEntries: Kernel = {
  name: 'kept entries: move',
  reads: { value: 'f32', row: 'u32', offsets: 'u32' },
  writes: { kept_row: 'u32', kept_value: 'f32' },
  parameters: { n: 'u32' },
  threads: THREADS,
  body: `
  if (thread >= p.n) { return; }
  let to = offsets[thread];
  if (offsets[thread + 1u] == to) { return; }
  kept_row[to] = row[thread];
  kept_value[to] = value[thread];`,
};

const moveStarts: Kernel = {
  name: 'kept entries: starts',
  reads: { starts: 'u32', offsets: 'u32' },
  writes: { kept_starts: 'u32' },
  parameters: { n: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.n) { kept_starts[thread] = offsets[starts[thread]]; }',
};

/** The entries up to a cut per row [B, 2], or up to one cut for all [1, 2]; positions are entries. Waits for the GPU once. */
export function compactEntries(acts: SparseActs, cuts: tf.Tensor2D): SparseActs {
  const { rows, latents, nnz: n, starts, row, value } = acts;
  if (n === 0) return emptyActs(rows, latents);
  return tidyActs(() => {
    const groups = Math.ceil(n / THREADS);
    const marks = uninitialised<tf.Rank.R1>([n], 'int32');
    run(markEntries, { tensors: { marks, value, row, cuts }, parameters: { n, per_row: cuts.shape[0] === rows ? 1 : 0 }, groups });
    const offsets = scan(marks);
    const nnz = readWords(offsets.dataId, n, 1)[0] as number;
    if (nnz === 0) return emptyActs(rows, latents);
    const [kept_row, kept_value] = [uninitialised<tf.Rank.R1>([nnz], 'int32'), uninitialised<tf.Rank.R1>([nnz], 'float32')];
    const kept_starts = uninitialised<tf.Rank.R1>([latents + 1], 'int32');
    run(moveEntries, { tensors: { kept_row, kept_value, value, row, offsets }, parameters: { n }, groups });
    run(moveStarts, { tensors: { kept_starts, starts, offsets }, parameters: { n: latents + 1 }, groups: Math.ceil((latents + 1) / THREADS) });
    return { rows, latents, nnz, starts: kept_starts, row: kept_row, value: kept_value };
  });
}

/** A tidy around entries. */
export function tidyActs(make: () => SparseActs): SparseActs {
  return tf.tidy(() => ({ ...make() }));
}

function emptyActs(rows: number, latents: number): SparseActs {
  return { rows, latents, nnz: 0, starts: tf.zeros([latents + 1], 'int32'), row: tf.tensor1d([], 'int32'), value: tf.tensor1d([], 'float32') };
}

function pickEvery(values: tf.Tensor1D, stride: number, n: number): tf.Tensor1D {
  const picked = uninitialised<tf.Rank.R1>([n], 'int32');
  run(everyNth, { tensors: { picked, values }, parameters: { n, stride }, groups: Math.ceil(n / THREADS) });
  return picked;
}
