import type { ActivationBatch, SparseCodes } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { textHash } from '../documents/text-hash.js';
import type { Reconstructor } from '../reconstruction/named-sae.js';

/** Activation rows with a name each: a class, a word, an entity. */
export interface LabelledRows {
  readonly rows: number;
  readonly width: number;
  /** [rows * width] */
  readonly x: Float32Array;
  /** [rows] */
  readonly labels: readonly string[];
  /** [rows] what is kept together in splits and drawn in the bootstrap: the document, or the word. */
  readonly groups: readonly string[];
}

/** Keeps the rows of a stream that `labelOf` names, at most `limit` of them. */
export function labelRows(
  batches: Iterable<ActivationBatch>,
  labelOf: (batch: ActivationBatch, row: number) => string | undefined,
  limit = 100_000,
): LabelledRows {
  const kept: Float32Array[] = [];
  const labels: string[] = [];
  const groups: string[] = [];
  let width = 0;
  for (const batch of batches) {
    width = batch.site.width;
    for (let t = 0; t < batch.rows && labels.length < limit; t++) {
      const label = labelOf(batch, t);
      if (label === undefined) continue;
      labels.push(label);
      groups.push(batch.origin.docs[batch.origin.doc[t] as number] as string);
      kept.push(batch.values.slice(t * width, (t + 1) * width));
    }
  }
  const x = new Float32Array(kept.length * width);
  kept.forEach((row, i) => x.set(row, i * width));
  return { rows: labels.length, width, x, labels, groups };
}

/** All rows of several sets, in order. */
export function joinRows(parts: readonly LabelledRows[]): LabelledRows {
  const x = new Float32Array(parts.reduce((sum, part) => sum + part.x.length, 0));
  let at = 0;
  for (const part of parts) {
    x.set(part.x, at);
    at += part.x.length;
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  return { rows, width: parts[0]?.width ?? 0, x, labels: parts.flatMap(({ labels }) => labels), groups: parts.flatMap(({ groups }) => groups) };
}

/** Whole groups into train and test by a hash of their name. */
export function splitRows(rows: LabelledRows, train = 0.7, seed = 0): { readonly train: LabelledRows; readonly test: LabelledRows } {
  const inTrain = rows.groups.map((group) => textHash(group, seed) / 4294967296 < train);
  return { train: chooseRows(rows, (i) => inTrain[i] === true), test: chooseRows(rows, (i) => inTrain[i] === false) };
}

export function chooseRows(rows: LabelledRows, wanted: (row: number) => boolean): LabelledRows {
  const { width } = rows;
  const chosen = rows.labels.map((_, i) => i).filter(wanted);
  const x = new Float32Array(chosen.length * width);
  chosen.forEach((from, to) => x.set(rows.x.subarray(from * width, (from + 1) * width), to * width));
  return { rows: chosen.length, width, x, labels: chosen.map((i) => rows.labels[i] as string), groups: chosen.map((i) => rows.groups[i] as string) };
}

/** [rows] 1 where the label is one of `names`. */
export function indicator(rows: LabelledRows, names: ReadonlySet<string>): Uint8Array {
  return Uint8Array.from(rows.labels, (label) => (names.has(label) ? 1 : 0));
}

/** Codes of all rows, 4096 at a time. */
export function encodeRows(sae: Reconstructor, { rows, width, x }: Pick<LabelledRows, 'rows' | 'width' | 'x'>): SparseCodes {
  if (width !== sae.width) {
    throw new SalmonError('bad-shape', { what: 'SAE does not fit the activations', expected: `width ${sae.width}`, got: `${width}` });
  }
  const parts: SparseCodes[] = [];
  for (let from = 0; from < rows; from += 4096) {
    const n = Math.min(4096, rows - from);
    parts.push(sae.run(x.subarray(from * width, (from + n) * width), n).codes);
  }
  const size = parts.reduce((sum, p) => sum + p.indices.length, 0);
  const indptr = new Int32Array(rows + 1);
  const indices = new Int32Array(size);
  const values = new Float32Array(size);
  let row = 0;
  let at = 0;
  for (const part of parts) {
    for (let t = 1; t <= part.rows; t++) indptr[row + t] = at + (part.indptr[t] as number);
    indices.set(part.indices, at);
    values.set(part.values, at);
    row += part.rows;
    at += part.indices.length;
  }
  return { rows, latents: sae.latents, indptr, indices, values };
}

/** Dense [rows, chosen] columns of some latents. */
export function columnsOf(codes: SparseCodes, chosen: readonly number[]): Float64Array {
  const place = new Int32Array(codes.latents).fill(-1);
  chosen.forEach((f, i) => (place[f] = i));
  const out = new Float64Array(codes.rows * chosen.length);
  for (let t = 0; t < codes.rows; t++) {
    for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
      const at = place[codes.indices[i] as number] as number;
      if (at !== -1) out[t * chosen.length + at] = codes.values[i] as number;
    }
  }
  return out;
}

/** [latents] mean activation on positive rows minus mean on the others. */
export function meanDifference(codes: SparseCodes, positive: ArrayLike<number>): Float64Array {
  let positives = 0;
  for (let t = 0; t < codes.rows; t++) positives += positive[t] === 1 ? 1 : 0;
  const weight = [-1 / Math.max(1, codes.rows - positives), 1 / Math.max(1, positives)];
  const out = new Float64Array(codes.latents);
  for (let t = 0; t < codes.rows; t++) {
    const w = weight[positive[t] === 1 ? 1 : 0] as number;
    for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
      const f = codes.indices[i] as number;
      out[f] = (out[f] as number) + w * (codes.values[i] as number);
    }
  }
  return out;
}

/** Indices of the n largest scores, largest first. */
export function topIndices(scores: ArrayLike<number>, n: number): number[] {
  return Array.from({ length: scores.length }, (_, i) => i)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number))
    .slice(0, n);
}
