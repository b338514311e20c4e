import type { SparseCodes } from '@salmon-sae/dataflow';
import type { Reconstructor } from '../reconstruction/named-sae.js';
import type { LabelledRows } from './labelled-rows.js';
import { encodeRows } from './labelled-rows.js';

/** Rows with their codes. */
export interface EncodedRows {
  readonly rows: LabelledRows;
  readonly codes: SparseCodes;
}

/**
 * Rows with an SAE's codes; with `pool`, the means of both over each document. A linear probe's answer to a pooled row is the mean of its answers
 * to the tokens, with latents taken out or not.
 */
export function encodedRows(sae: Reconstructor, rows: LabelledRows, pool: boolean): EncodedRows {
  const codes = encodeRows(sae, rows);
  return pool ? poolGroups(rows, codes) : { rows, codes };
}

/** Mean over the rows of each (group, label): one example per document, as in SAEBench's sparse probing. */
export function poolGroups(rows: LabelledRows, codes: SparseCodes): EncodedRows {
  const members = new Map<string, number[]>();
  rows.groups.forEach((group, t) => {
    const key = `${group}\u0000${rows.labels[t] as string}`;
    const known = members.get(key);
    if (known === undefined) members.set(key, [t]);
    else known.push(t);
  });
  const { width } = rows;
  const x = new Float32Array(members.size * width);
  const labels: string[] = [];
  const groups: string[] = [];
  const indptr = new Int32Array(members.size + 1);
  const indices: number[] = [];
  const values: number[] = [];
  let example = 0;
  for (const list of members.values()) {
    const sums = new Map<number, number>();
    for (const t of list) {
      for (let d = 0; d < width; d++) x[example * width + d] = (x[example * width + d] as number) + (rows.x[t * width + d] as number) / list.length;
      for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
        const f = codes.indices[i] as number;
        sums.set(f, (sums.get(f) ?? 0) + (codes.values[i] as number) / list.length);
      }
    }
    for (const [f, value] of [...sums].sort(([a], [b]) => a - b)) {
      indices.push(f);
      values.push(value);
    }
    const first = list[0] as number;
    labels.push(rows.labels[first] as string);
    groups.push(rows.groups[first] as string);
    indptr[++example] = indices.length;
  }
  return {
    rows: { rows: members.size, width, x, labels, groups },
    codes: { rows: members.size, latents: codes.latents, indptr, indices: Int32Array.from(indices), values: Float32Array.from(values) },
  };
}
