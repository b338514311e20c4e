import type { ActivationBatch, SparseCodes } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import type { Reconstructor } from '../reconstruction/named-sae.js';

/** An SAE with known scores: returns its input; latent i is x_i, so its L0 is the number of non-zero entries. */
export function identityAnchor(width: number): Reconstructor {
  return {
    latents: width,
    width,
    outWidth: width,
    run: (x, rows) => ({ codes: codesOf(x, rows, width), recon: Float32Array.from(x) }),
  };
}

/** An SAE that always answers with one vector (the mean predictor: FVE 0) and has no active latent. */
export function constantAnchor(vector: Float32Array, latents = vector.length): Reconstructor {
  const width = vector.length;
  return {
    latents,
    width,
    outWidth: width,
    run: (_, rows) => {
      const recon = new Float32Array(rows * width);
      for (let t = 0; t < rows; t++) recon.set(vector, t * width);
      return { codes: codesOf(new Float32Array(rows * latents), rows, latents), recon };
    },
  };
}

/** Row-compressed codes of a dense [rows, latents] array. */
export function codesOf(dense: Float32Array, rows: number, latents: number): SparseCodes {
  const indptr = new Int32Array(rows + 1);
  const indices: number[] = [];
  const values: number[] = [];
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < latents; i++) {
      const f = dense[t * latents + i] as number;
      if (f === 0) continue;
      indices.push(i);
      values.push(f);
    }
    indptr[t + 1] = indices.length;
  }
  return { rows, latents, indptr, indices: Int32Array.from(indices), values: Float32Array.from(values) };
}

/** Activation rows under known documents, cut into batches of `batchRows`. */
export interface PlantedRows {
  readonly width: number;
  readonly values: Float32Array;
  /** Document id of each row. */
  readonly docs: readonly string[];
}

export function batchesOf(rows: PlantedRows, batchRows: number): readonly ActivationBatch[] {
  const { width, values, docs } = rows;
  const total = values.length / width;
  return Array.from({ length: Math.ceil(total / batchRows) }, (_, b) => {
    const from = b * batchRows;
    const to = Math.min(total, from + batchRows);
    const names = [...new Set(docs.slice(from, to))];
    const index = new Map(names.map((name, i) => [name, i]));
    return {
      site: { model: 'planted', hook: 'resid_post.0', width },
      rows: to - from,
      values: values.slice(from * width, to * width),
      origin: {
        tokenId: Int32Array.from({ length: to - from }, (_, i) => from + i),
        position: Int32Array.from({ length: to - from }, (_, i) => from + i),
        doc: Int32Array.from(docs.slice(from, to), (name) => index.get(name) as number),
        docs: names,
        domains: names.map(() => 'planted'),
      },
      cursor: { source: 'planted', shard: 0, row: to },
    };
  });
}

export interface PlantedOptions {
  readonly rows: number;
  readonly width: number;
  readonly documents: number;
  readonly seed: number;
  /** Added to every entry (default 0). */
  readonly offset?: number;
}

/** Gaussian rows (plus an offset) in documents of unequal variance, so that document resampling has something to see. */
export function gaussianRows(options: PlantedOptions): PlantedRows {
  const { rows, width, documents, seed, offset = 0 } = options;
  const draw = random(seed, 'gaussian-rows');
  const scale = Float64Array.from({ length: documents }, () => 0.5 + draw.next());
  const docs = Array.from({ length: rows }, (_, t) => `doc-${Math.floor((t * documents) / rows)}`);
  const values = new Float32Array(rows * width);
  for (let t = 0; t < rows; t++) {
    const s = scale[Math.floor((t * documents) / rows)] as number;
    for (let d = 0; d < width; d++) values[t * width + d] = offset + s * draw.normal();
  }
  return { width, values, docs };
}
