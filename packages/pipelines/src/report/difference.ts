import type { Measure } from './report-data.js';

/** Two measures of the same thing by two arms, from the same seed. */
export interface MeasuredPair {
  readonly first: Measure;
  readonly second: Measure;
}

/** Two-sided 95% quantiles of Student's t for 1..30 degrees of freedom. */
const t975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08,
  2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
] as const;

/**
 * Mean difference first - second over pairs, with a 95% interval: half-width = sqrt(seed^2 + text^2), where seed = t(n-1) * sd / sqrt(n) over the pairs
 * (0 for one pair) and text = the root mean square over pairs of the two measures' own half-widths added in quadrature. The text part is not divided by
 * sqrt(n): every seed is measured on the same documents. No interval where one pair has none and there are fewer than two pairs.
 */
export function matchedDifference(pairs: readonly MeasuredPair[]): Measure {
  const n = pairs.length;
  const differences = pairs.map(({ first, second }) => first.value - second.value);
  const value = differences.reduce((sum, difference) => sum + difference, 0) / n;
  const texts = pairs.map(({ first, second }) => sumOfSquares(halfWidth(first), halfWidth(second)));
  const known = texts.filter((text) => text !== undefined);
  if (n < 2 && known.length < n) return { value };
  const variance = n < 2 ? 0 : differences.reduce((sum, difference) => sum + (difference - value) ** 2, 0) / (n - 1);
  const seed = n < 2 ? 0 : (t975[n - 2] ?? 1.96) * Math.sqrt(variance / n);
  const text = known.length === 0 ? 0 : known.reduce((sum, square) => sum + square, 0) / known.length;
  const half = Math.sqrt(seed * seed + text);
  return { value, low: value - half, high: value + half };
}

function halfWidth({ low, high }: Measure): number | undefined {
  return low === undefined || high === undefined ? undefined : (high - low) / 2;
}

function sumOfSquares(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * a + b * b;
}
