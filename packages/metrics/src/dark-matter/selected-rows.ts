import type { ActivationBatch } from '@salmon-sae/dataflow';
import type { Reconstructor } from '../reconstruction/named-sae.js';

/** Some rows of a batch, copied together. */
export interface SelectedRows {
  readonly rows: number;
  /** [rows, width] */
  readonly x: Float32Array;
  /** [rows, outWidth] what is to be reconstructed */
  readonly target: Float32Array;
  /** [rows] index into the batch's documents */
  readonly doc: Int32Array;
}

export function selectRows(batch: ActivationBatch, chosen: Uint8Array, value: number): SelectedRows {
  const indices = [...chosen.keys()].filter((t) => chosen[t] === value);
  const width = batch.site.width;
  const source = batch.target ?? batch.values;
  const outWidth = source.length / batch.rows;
  const x = new Float32Array(indices.length * width);
  const target = new Float32Array(indices.length * outWidth);
  indices.forEach((t, i) => {
    x.set(batch.values.subarray(t * width, (t + 1) * width), i * width);
    target.set(source.subarray(t * outWidth, (t + 1) * outWidth), i * outWidth);
  });
  return { rows: indices.length, x, target, doc: Int32Array.from(indices, (t) => batch.origin.doc[t] as number) };
}

/** [rows, outWidth + 1]: e = target − x̂, then ‖e‖². */
export function errorTargets(sae: Reconstructor, { x, target, rows }: SelectedRows): Float64Array {
  const d = sae.outWidth;
  const { recon } = sae.run(x, rows);
  const out = new Float64Array(rows * (d + 1));
  for (let t = 0; t < rows; t++) {
    let square = 0;
    for (let j = 0; j < d; j++) {
      const e = (target[t * d + j] as number) - (recon[t * d + j] as number);
      out[t * (d + 1) + j] = e;
      square += e * e;
    }
    out[t * (d + 1) + d] = square;
  }
  return out;
}
