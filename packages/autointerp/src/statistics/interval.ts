/** A value with its 95% interval and the number of observations behind it. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** Two-sided 95% point of the normal distribution. */
export const Z95 = 1.959963984540054;

/** Score interval of a proportion (Wilson 1927). With no trials: value NaN over the whole range. */
export function wilson(hits: number, trials: number, z = Z95): Interval {
  if (trials === 0) return { value: NaN, low: 0, high: 1, n: 0 };
  const p = hits / trials;
  const zz = z * z;
  const centre = (p + zz / (2 * trials)) / (1 + zz / trials);
  const half = (z / (1 + zz / trials)) * Math.sqrt((p * (1 - p)) / trials + zz / (4 * trials * trials));
  return { value: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half), n: trials };
}

/**
 * Interval of `sign * a + b` for two independent estimates from their own intervals, by squaring and adding the distances to
 * the limits (Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10).
 */
export function combine(a: Interval, b: Interval, sign: 1 | -1): Interval {
  const value = sign * a.value + b.value;
  const aLow = sign === 1 ? a.value - a.low : a.high - a.value;
  const aHigh = sign === 1 ? a.high - a.value : a.value - a.low;
  return {
    value,
    low: value - Math.hypot(aLow, b.value - b.low),
    high: value + Math.hypot(aHigh, b.high - b.value),
    n: a.n + b.n,
  };
}

/** (recall + specificity) / 2 from counts: 0.5 is chance whatever the class sizes. */
export function balancedAccuracy(counts: { readonly tp: number; readonly fn: number; readonly tn: number; readonly fp: number }): Interval {
  const sum = combine(wilson(counts.tp, counts.tp + counts.fn), wilson(counts.tn, counts.tn + counts.fp), 1);
  return { value: sum.value / 2, low: Math.max(0, sum.low / 2), high: Math.min(1, sum.high / 2), n: sum.n };
}
