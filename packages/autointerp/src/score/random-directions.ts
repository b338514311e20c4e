import { readTensor, tf } from '@salmon-sae/compute';
import type { SparseCodes } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { randomUnitVectors } from './random-vectors.js';

/** Stands in for an SAE's latents as a chance control; dispose it when done. */
export interface RandomDirections {
  readonly latents: number;
  /** [latents * width] the directions, of norm 1. */
  readonly vectors: Float32Array;
  /** Codes of x [rows, width]: projections above each direction's threshold. */
  encode(x: Float32Array, rows: number): SparseCodes;
  dispose(): void;
}

export interface RandomDirectionOptions {
  /** Wanted density of each direction; one direction per entry. */
  readonly densities: readonly number[];
  readonly width: number;
  readonly seed?: number;
}

/**
 * Gaussian unit directions through the mean of the activations, each with the threshold that makes it as dense on the
 * calibration rows as the latent it stands for: what "interpretable by chance" looks like at equal density.
 * Needs a ready backend and at least one calibration row per direction's expected hit. Throws `bad-shape`.
 */
export function randomDirections(calibration: Float32Array, rows: number, options: RandomDirectionOptions): RandomDirections {
  const { densities, width } = options;
  if (rows === 0 || calibration.length !== rows * width) {
    throw new SalmonError('bad-shape', { what: 'Bad calibration activations', expected: `rows * width = ${rows * width} > 0`, got: String(calibration.length) });
  }
  const n = densities.length;
  const vectors = randomUnitVectors(n, width, options.seed ?? 0);
  const mean_D = new Float32Array(width);
  for (let r = 0; r < rows; r++) for (let d = 0; d < width; d++) mean_D[d] = (mean_D[d] as number) + (calibration[r * width + d] as number) / rows;
  const weights = tf.tensor2d(vectors, [n, width]);
  const centre = tf.tensor1d(mean_D);
  const project = (x: Float32Array, count: number): Float32Array =>
    readTensor(() => tf.matMul(tf.tensor2d(x, [count, width]).sub(centre), weights, false, true));
  const first = project(calibration, rows);
  const thresholds = densities.map((density, j) => {
    const column = Float32Array.from({ length: rows }, (_, r) => first[r * n + j] as number).sort();
    const kept = Math.min(rows - 1, Math.max(1, Math.round(density * rows)));
    // Never below 0: an activation is a positive number, so no direction can be denser than half of the tokens or so.
    return Math.max(0, column[rows - kept - 1] as number);
  });
  return {
    latents: n,
    vectors,
    encode: (x, count) => {
      const projected = project(x, count);
      const indptr = new Int32Array(count + 1);
      const indices: number[] = [];
      const values: number[] = [];
      for (let r = 0; r < count; r++) {
        for (let j = 0; j < n; j++) {
          const value = projected[r * n + j] as number;
          if (value > (thresholds[j] as number)) {
            indices.push(j);
            values.push(value);
          }
        }
        indptr[r + 1] = indices.length;
      }
      return { rows: count, latents: n, indptr, indices: Int32Array.from(indices), values: Float32Array.from(values) };
    },
    dispose: () => {
      weights.dispose();
      centre.dispose();
    },
  };
}
