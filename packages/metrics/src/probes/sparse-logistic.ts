import type { SparseCodes } from '@salmon-sae/dataflow';
import { sigmoid } from './logistic-regression.js';

export interface SparseLogisticOptions {
  /** L1 coefficient on the mean loss (default 0.01, SAEBench's). */
  readonly l1?: number;
  readonly iterations?: number;
}

/**
 * Logistic regression with an L1 penalty on row-compressed codes, each latent scaled by its root mean square so that the penalty is
 * fair (FISTA, Beck and Teboulle 2009). Returns the weights on the scaled latents: their size ranks the latents.
 */
export function sparseLogistic(codes: SparseCodes, positive: ArrayLike<number>, options: SparseLogisticOptions = {}): Float64Array {
  const { rows, latents, indptr, indices, values } = codes;
  const l1 = options.l1 ?? 0.01;
  const scale = new Float64Array(latents);
  for (let i = 0; i < indices.length; i++) {
    const f = indices[i] as number;
    scale[f] = (scale[f] as number) + (values[i] as number) ** 2 / rows;
  }
  for (let f = 0; f < latents; f++) scale[f] = (scale[f] as number) > 0 ? 1 / Math.sqrt(scale[f] as number) : 0;
  const z = Float64Array.from(values, (v, i) => v * (scale[indices[i] as number] as number));
  // ∇²loss ≤ ZᵀZ / 4 rows; its trace bounds the largest eigenvalue by the largest row norm squared.
  let longest = 1;
  for (let t = 0; t < rows; t++) {
    let square = 1;
    for (let i = indptr[t] as number; i < (indptr[t + 1] as number); i++) square += (z[i] as number) ** 2;
    longest = Math.max(longest, square);
  }
  const step = 4 / longest;
  let w = new Float64Array(latents + 1);
  let ahead = Float64Array.from(w);
  let momentum = 1;
  const gradient = new Float64Array(latents + 1);
  for (let iteration = 0; iteration < (options.iterations ?? 300); iteration++) {
    gradient.fill(0);
    for (let t = 0; t < rows; t++) {
      let logit = ahead[latents] as number;
      for (let i = indptr[t] as number; i < (indptr[t + 1] as number); i++) logit += (ahead[indices[i] as number] as number) * (z[i] as number);
      const slope = (sigmoid(logit) - (positive[t] === 1 ? 1 : 0)) / rows;
      for (let i = indptr[t] as number; i < (indptr[t + 1] as number); i++) {
        const f = indices[i] as number;
        gradient[f] = (gradient[f] as number) + slope * (z[i] as number);
      }
      gradient[latents] = (gradient[latents] as number) + slope;
    }
    const from = ahead;
    const next = w.map((_, f) => {
      const v = (from[f] as number) - step * (gradient[f] as number);
      if (f === latents) return v;
      return Math.sign(v) * Math.max(0, Math.abs(v) - step * l1);
    });
    const grown = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    const previous = w;
    const pull = (momentum - 1) / grown;
    ahead = next.map((v, f) => v + pull * (v - (previous[f] as number)));
    w = next;
    momentum = grown;
  }
  return w.slice(0, latents);
}
