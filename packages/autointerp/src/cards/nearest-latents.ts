import { tf } from '@salmon-sae/compute';
import type { tf as tfTypes } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';

export interface Neighbour {
  readonly latent: number;
  readonly cosine: number;
}

export interface NearestOptions {
  readonly k?: number;
  /** Rows of either side per matrix product. */
  readonly tile?: number;
}

/**
 * The k decoder rows of `other` with the largest cosine to each chosen row of `own`, both [latents, width]; descending.
 * Needs a ready backend; only [tile, k] values are read back. Throws `bad-shape` if the widths differ.
 */
export function nearestLatents(own: NdArray, other: NdArray, options: NearestOptions & { readonly latents?: readonly number[] } = {}): readonly (readonly Neighbour[])[] {
  const width = own.shape[1] ?? 0;
  if (own.shape.length !== 2 || other.shape.length !== 2 || other.shape[1] !== width) {
    throw new SalmonError('bad-shape', {
      what: 'Decoders of two arms cannot be compared',
      expected: `[latents, ${width}]`,
      got: `[${own.shape.join(', ')}] and [${other.shape.join(', ')}]`,
    });
  }
  const rows = options.latents ?? Array.from({ length: own.shape[0] as number }, (_, i) => i);
  const total = other.shape[0] as number;
  const k = Math.min(options.k ?? 3, total);
  const tile = options.tile ?? 2048;
  const out: Neighbour[][] = rows.map(() => []);
  const others: { readonly from: number; readonly unit: ReturnType<typeof unitRows> }[] = [];
  try {
    for (let from = 0; from < total; from += tile) {
      const to = Math.min(total, from + tile);
      others.push({ from, unit: unitRows(other.data.subarray(from * width, to * width), [to - from, width]) });
    }
    for (let first = 0; first < rows.length; first += tile) {
      const chosen = rows.slice(first, first + tile);
      const own_AD = new Float32Array(chosen.length * width);
      chosen.forEach((latent, i) => own_AD.set(own.data.subarray(latent * width, (latent + 1) * width), i * width));
      for (const { from, unit } of others) {
        const size = Math.min(k, unit.shape[0]);
        const best = tf.tidy(() => tf.topk(tf.matMul(unitRows(own_AD, [chosen.length, width]), unit, false, true), size));
        const [values, indices] = [best.values.dataSync(), best.indices.dataSync()];
        tf.dispose([best.values, best.indices]);
        for (let i = 0; i < chosen.length; i++) {
          const list = out[first + i] as Neighbour[];
          for (let j = i * size; j < (i + 1) * size; j++) list.push({ latent: from + (indices[j] as number), cosine: values[j] as number });
        }
      }
    }
  } finally {
    for (const { unit } of others) unit.dispose();
  }
  return out.map((list) => list.sort((a, b) => b.cosine - a.cosine || a.latent - b.latent).slice(0, k));
}

function unitRows(data: Float32Array, shape: [number, number]): tfTypes.Tensor2D {
  return tf.tidy(() => {
    const rows = tf.tensor2d(data, shape);
    return rows.div(tf.maximum(tf.norm(rows, 2, 1, true), 1e-12));
  });
}
