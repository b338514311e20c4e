import { SalmonError } from '@salmon-sae/dataflow';
import { linearRegression, linearRegressionLine, rSquared } from 'simple-statistics';
import type { Sampled } from '../documents/estimate.js';

export interface PowerLaw {
  /** y ≈ coefficient · x^exponent */
  readonly exponent: number;
  readonly coefficient: number;
  /** R² of the line in log-log space. */
  readonly r2: number;
}

/** Least squares on (log x, log y); every x and y must be positive. */
export function fitPowerLaw(x: readonly number[], y: readonly number[]): PowerLaw {
  if (x.length < 2 || x.length !== y.length || [...x, ...y].some((v) => !(v > 0))) {
    throw new SalmonError('usage', {
      what: 'A power law needs positive points',
      expected: 'at least two pairs of positive numbers',
      got: `x ${x.join(', ')}; y ${y.join(', ')}`,
    });
  }
  const points = x.map((v, i) => [Math.log(v), Math.log(y[i] as number)]);
  const line = linearRegression(points);
  return { exponent: line.m, coefficient: Math.exp(line.b), r2: rSquared(points, linearRegressionLine(line)) };
}

/** The exponent of a metric over a width sweep (FVU against latents, say), with the bootstrap of its points. */
export function sweepExponent(widths: readonly number[], metric: readonly Sampled[]): Sampled {
  const exponent = (values: readonly number[]): number => (values.every((v) => v > 0) ? fitPowerLaw(widths, values).exponent : Number.NaN);
  const first = metric[0] as Sampled;
  return {
    metric: `width_exponent(${first.metric})@1`,
    value: fitPowerLaw(widths, metric.map((m) => m.value)).exponent,
    samples: first.samples.map((_, r) => exponent(metric.map((m) => m.samples[r] as number))),
    key: first.key,
  };
}
