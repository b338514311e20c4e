import { quantileOfSorted } from './bootstrap.js';

export interface BarHistogram {
  /** Middle of each bar. */
  readonly values: readonly number[];
  readonly heights: readonly number[];
}

/** Equal bins between the smallest and largest positive activation, as SAEDashboard draws them. Empty without any. */
export function activationHistogram(activations: ArrayLike<number>, bins = 50): BarHistogram {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < activations.length; i++) {
    const value = activations[i] as number;
    if (value <= 0) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high === -Infinity) return { values: [], heights: [] };
  const step = (high - low) / bins;
  const heights = new Array<number>(bins).fill(0);
  for (let i = 0; i < activations.length; i++) {
    const value = activations[i] as number;
    if (value <= 0) continue;
    // One value only: the peer's histogram widens the range by 1 each way, which puts it in the middle.
    const bin = step === 0 ? bins >> 1 : Math.min(bins - 1, Math.floor((value - low) / step));
    heights[bin] = (heights[bin] as number) + 1;
  }
  return { values: heights.map((_, b) => low + step * (b + 0.5)), heights };
}

/** Quantiles over all tokens, silent ones included: `positive` activations among `tokens`, interpolated linearly. */
export function activationQuantiles(positive: ArrayLike<number>, tokens: number, probabilities: readonly number[]): readonly number[] {
  const sorted = new Float64Array(tokens);
  for (let i = 0; i < positive.length; i++) sorted[tokens - 1 - i] = positive[i] as number;
  sorted.subarray(tokens - positive.length).sort();
  return probabilities.map((p) => quantileOfSorted(sorted, p));
}
