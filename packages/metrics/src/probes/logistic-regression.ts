import { SalmonError } from '@salmon-sae/dataflow';
import { minimise } from './minimise.js';

/** A dense design matrix, row-major. */
export interface DenseRows {
  readonly rows: number;
  readonly width: number;
  readonly x: Float32Array | Float64Array;
}

export interface LogisticOptions {
  /** Strength of the L2 penalty on standardised inputs, per example (default 1e-3). */
  readonly l2?: number;
  readonly iterations?: number;
  /** Weighs both classes alike whatever their numbers (default false). */
  readonly balanced?: boolean;
  /**
   * Inputs divided by their own spread (`each`, default), or all by one common spread, which keeps the geometry of activations and
   * is right where the probe's direction matters.
   */
  readonly scaling?: 'each' | 'common';
}

/** logit = x · weights + bias, in the units of x. */
export interface LogisticProbe {
  readonly weights: Float64Array;
  readonly bias: number;
}

/**
 * Binary logistic regression with an L2 penalty, by L-BFGS on standardised inputs (constant inputs get weight 0). ml-logistic-regression
 * takes fixed-size gradient steps without intercept or penalty, so this is our own.
 */
export function logisticRegression({ rows, width, x }: DenseRows, positive: ArrayLike<number>, options: LogisticOptions = {}): LogisticProbe {
  let positives = 0;
  for (let t = 0; t < rows; t++) positives += positive[t] === 1 ? 1 : 0;
  if (positives === 0 || positives === rows) {
    throw new SalmonError('no-data', {
      what: 'A probe needs examples of both classes',
      expected: 'some positive and some negative rows',
      got: `${positives} positive of ${rows}`,
    });
  }
  const { z, mean, scale } = standardise({ rows, width, x }, options.scaling);
  const l2 = options.l2 ?? 1e-3;
  const weightOf = options.balanced === true ? [0.5 / (rows - positives), 0.5 / positives] : [1 / rows, 1 / rows];
  const solution = minimise(
    (w, gradient) => {
      let loss = 0;
      for (let d = 0; d < width; d++) {
        loss += 0.5 * l2 * (w[d] as number) ** 2;
        gradient[d] = l2 * (w[d] as number);
      }
      for (let t = 0; t < rows; t++) {
        let logit = w[width] as number;
        for (let d = 0; d < width; d++) logit += (w[d] as number) * (z[t * width + d] as number);
        const y = positive[t] === 1 ? 1 : 0;
        const weight = weightOf[y] as number;
        loss += weight * softplus(y === 1 ? -logit : logit);
        const slope = weight * (sigmoid(logit) - y);
        for (let d = 0; d < width; d++) gradient[d] = (gradient[d] as number) + slope * (z[t * width + d] as number);
        gradient[width] = (gradient[width] as number) + slope;
      }
      return loss;
    },
    new Float64Array(width + 1),
    { iterations: options.iterations ?? 200 },
  );
  const weights = Float64Array.from({ length: width }, (_, d) => (solution[d] as number) * (scale[d] as number));
  const bias = weights.reduce((b, w, d) => b - w * (mean[d] as number), solution[width] as number);
  return { weights, bias };
}

/** [rows] logits of a probe. */
export function logits({ rows, width, x }: DenseRows, probe: LogisticProbe): Float64Array {
  return Float64Array.from({ length: rows }, (_, t) => {
    let logit = probe.bias;
    for (let d = 0; d < width; d++) logit += (probe.weights[d] as number) * (x[t * width + d] as number);
    return logit;
  });
}

interface Standardised {
  readonly z: Float64Array;
  readonly mean: Float64Array;
  /** 1 / standard deviation; 0 for constant inputs */
  readonly scale: Float64Array;
}

export function standardise({ rows, width, x }: DenseRows, scaling: 'each' | 'common' = 'each'): Standardised {
  const mean = new Float64Array(width);
  const scale = new Float64Array(width);
  for (let t = 0; t < rows; t++) for (let d = 0; d < width; d++) mean[d] = (mean[d] as number) + (x[t * width + d] as number) / rows;
  for (let t = 0; t < rows; t++) {
    for (let d = 0; d < width; d++) scale[d] = (scale[d] as number) + ((x[t * width + d] as number) - (mean[d] as number)) ** 2 / rows;
  }
  if (scaling === 'common') scale.fill(scale.reduce((a, b) => a + b, 0) / width);
  for (let d = 0; d < width; d++) scale[d] = (scale[d] as number) > 1e-20 ? 1 / Math.sqrt(scale[d] as number) : 0;
  const z = new Float64Array(rows * width);
  for (let t = 0; t < rows; t++) {
    for (let d = 0; d < width; d++) z[t * width + d] = ((x[t * width + d] as number) - (mean[d] as number)) * (scale[d] as number);
  }
  return { z, mean, scale };
}

export function sigmoid(logit: number): number {
  return logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit));
}

function softplus(v: number): number {
  return v > 0 ? v + Math.log1p(Math.exp(-v)) : Math.log1p(Math.exp(v));
}
