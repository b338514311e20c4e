import { readTensor, tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Directions } from './directions.js';

/** Cosines of some latents of `a` (from `row` on) with all latents of `b`, [rows, b.latents]. */
export interface CosineBlock {
  readonly row: number;
  readonly rows: number;
  readonly encoder: Float32Array;
  readonly decoder: Float32Array;
}

/** Walks all pairs in blocks of at most 16 M cosines, so that no [a, b] matrix need exist. */
export function forEachCosineBlock(a: Directions, b: Directions, visit: (block: CosineBlock) => void): void {
  if (a.encoderWidth !== b.encoderWidth || a.decoderWidth !== b.decoderWidth) {
    throw new SalmonError('bad-shape', {
      what: 'Latents of different widths cannot be compared',
      expected: `${a.encoderWidth} in, ${a.decoderWidth} out`,
      got: `${b.encoderWidth} in, ${b.decoderWidth} out`,
      todo: 'Compare SAEs of the same hook',
    });
  }
  const step = Math.max(1, Math.floor(16_000_000 / Math.max(1, b.latents)));
  for (let row = 0; row < a.latents; row += step) {
    const rows = Math.min(step, a.latents - row);
    visit({
      row,
      rows,
      encoder: products(a.encoder, b.encoder, { width: a.encoderWidth, row, rows }),
      decoder: products(a.decoder, b.decoder, { width: a.decoderWidth, row, rows }),
    });
  }
}

function products(a: Float32Array, b: Float32Array, at: { width: number; row: number; rows: number }): Float32Array {
  return readTensor(() => {
    const left = tf.tensor2d(a.subarray(at.row * at.width, (at.row + at.rows) * at.width), [at.rows, at.width]);
    const right = tf.tensor2d(b, [b.length / at.width, at.width]);
    return tf.matMul(left, right, false, true);
  });
}
