import { tf } from '../tf.js';
import type { SparseActs } from './sparse-ops.js';

/** Entries in any order, before they are grouped by latent. */
export interface LooseEntries {
  readonly row: readonly number[] | Int32Array;
  readonly latent: readonly number[] | Int32Array;
  readonly value: readonly number[] | Float32Array;
}

/** pre + bias as float32 sums, row by row. */
export function denseValues(pre: tf.Tensor2D, bias: tf.Tensor1D | undefined): Float32Array {
  const sum = bias === undefined ? pre.dataSync<'float32'>() : tf.tidy(() => tf.add(pre, bias).dataSync<'float32'>());
  return sum as Float32Array;
}

/** Groups by latent; within a latent the order of the input (rows ascending) stays. */
export function groupByLatent(entries: LooseEntries, rows: number, latents: number): SparseActs {
  const n = entries.row.length;
  const starts = new Int32Array(latents + 1);
  for (let e = 0; e < n; e++) (starts[(entries.latent[e] as number) + 1] as number)++;
  for (let f = 0; f < latents; f++) (starts[f + 1] as number) += starts[f] as number;
  const at = starts.slice(0, latents);
  const row = new Int32Array(n);
  const value = new Float32Array(n);
  for (let e = 0; e < n; e++) {
    const to = (at[entries.latent[e] as number] as number)++;
    row[to] = entries.row[e] as number;
    value[to] = entries.value[e] as number;
  }
  return { rows, latents, nnz: n, starts: tf.tensor1d(starts, 'int32'), row: tf.tensor1d(row, 'int32'), value: tf.tensor1d(value, 'float32') };
}

export function selectAbove(values: Float32Array, low: ArrayLike<number>, rows: number): LooseEntries {
  const latents = low.length;
  const found = { row: [] as number[], latent: [] as number[], value: [] as number[] };
  for (let r = 0; r < rows; r++) {
    for (let f = 0; f < latents; f++) {
      const v = values[r * latents + f] as number;
      if (v > (low[f] as number)) {
        found.row.push(r);
        found.latent.push(f);
        found.value.push(v);
      }
    }
  }
  return found;
}

/** Indices of the `count` largest values (ties: lower index), ascending. */
export function largest(values: ArrayLike<number>, candidates: readonly number[], count: number): number[] {
  if (candidates.length <= count) return [...candidates];
  const order = Float64Array.from(candidates, (i) => values[i] as number).sort();
  const least = order[order.length - count] ?? Infinity;
  let equal = count - candidates.filter((i) => (values[i] as number) > least).length;
  return candidates.filter((i) => (values[i] as number) > least || ((values[i] as number) === least && equal-- > 0));
}

export interface ReadActs {
  readonly starts: Int32Array;
  readonly row: Int32Array;
  readonly value: Float32Array;
  /** Latent of each entry. */
  readonly latent: Int32Array;
}

export function readActs(acts: SparseActs): ReadActs {
  const starts = acts.starts.dataSync<'int32'>() as Int32Array;
  const latent = new Int32Array(acts.nnz);
  for (let f = 0; f < acts.latents; f++) latent.fill(f, starts[f], starts[f + 1]);
  return { starts, row: acts.row.dataSync<'int32'>() as Int32Array, value: acts.value.dataSync<'float32'>() as Float32Array, latent };
}

/** The entries with the given indices (ascending). */
export function pick(acts: SparseActs, read: ReadActs, kept: readonly number[]): SparseActs {
  return groupByLatent(
    { row: kept.map((e) => read.row[e] as number), latent: kept.map((e) => read.latent[e] as number), value: kept.map((e) => read.value[e] as number) },
    acts.rows,
    acts.latents,
  );
}
