import { EVD, Matrix } from 'ml-matrix';
import { addCrossProducts } from '../linear/cross-products.js';
import type { DomainRows } from './dense-task.js';

/** Mean and Σ^(−1/2) of one domain's features. */
export interface Whitening {
  readonly mean: Float64Array;
  /** [width, width] */
  readonly matrix: Float64Array;
}

/** Σ shrunk towards the identity, Σ + λ·(tr Σ / width)·I, because sparse latents give singular covariances. */
export function whiteningOf(data: DomainRows, shrink: number): Whitening {
  const { rows, width: d } = data;
  const mean = new Float64Array(d);
  for (let i = 0; i < rows * d; i++) mean[i % d] = (mean[i % d] as number) + (data.x[i] as number) / rows;
  const gram = new Float64Array(d * d);
  addCrossProducts(gram, { data: data.x, columns: d }, { data: data.x, columns: d });
  const covariance = Matrix.zeros(d, d);
  let trace = 0;
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) covariance.set(i, j, (gram[i * d + j] as number) / rows - (mean[i] as number) * (mean[j] as number));
    trace += covariance.get(i, i);
  }
  const ridge = (shrink * trace) / d || 1;
  for (let i = 0; i < d; i++) covariance.set(i, i, covariance.get(i, i) + ridge);
  const { realEigenvalues, eigenvectorMatrix: v } = new EVD(covariance, { assumeSymmetric: true });
  const scaled = v.clone();
  realEigenvalues.forEach((value, k) => {
    const s = 1 / Math.sqrt(Math.max(value, ridge));
    for (let i = 0; i < d; i++) scaled.set(i, k, scaled.get(i, k) * s);
  });
  return { mean, matrix: Float64Array.from(scaled.mmul(v.transpose()).to1DArray()) };
}

/** [rows, width] x · matrix (the matrix is symmetric). */
export function whiten(x: ArrayLike<number>, matrix: Float64Array, width: number): Float64Array {
  const rows = x.length / width;
  const out = new Float64Array(x.length);
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < width; i++) {
      const v = x[t * width + i] as number;
      if (v === 0) continue;
      for (let j = 0; j < width; j++) out[t * width + j] = (out[t * width + j] as number) + v * (matrix[i * width + j] as number);
    }
  }
  return out;
}
