import { random } from '@salmon-sae/dataflow';
import type { Interval } from './interval.js';

export interface BootstrapOptions {
  readonly seed: number;
  readonly replicates?: number;
}

/**
 * Percentile bootstrap over items in strata (Efron 1979): `statistic` gets how often each item was drawn. Items keep their
 * stratum's size. A replicate whose statistic is not finite is left out.
 */
export function bootstrap(strata: readonly number[], statistic: (weights: Float64Array) => number, options: BootstrapOptions): Interval {
  const n = strata.length;
  const members = new Map<number, number[]>();
  strata.forEach((stratum, i) => {
    const list = members.get(stratum) ?? [];
    list.push(i);
    members.set(stratum, list);
  });
  const groups = [...members.values()];
  const weights = new Float64Array(n).fill(1);
  const value = statistic(weights);
  const draws = random(options.seed, 'bootstrap');
  const values: number[] = [];
  for (let b = 0; b < (options.replicates ?? 400); b++) {
    weights.fill(0);
    for (const group of groups) {
      for (let i = 0; i < group.length; i++) {
        const pick = group[draws.below(group.length)] as number;
        weights[pick] = (weights[pick] as number) + 1;
      }
    }
    const replicate = statistic(weights);
    if (Number.isFinite(replicate)) values.push(replicate);
  }
  values.sort((a, b) => a - b);
  return { value, low: quantileOfSorted(values, 0.025), high: quantileOfSorted(values, 0.975), n };
}

/** Quantile of ascending values with linear interpolation between order statistics. NaN for none. */
export function quantileOfSorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return NaN;
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] as number;
  const high = sorted[Math.min(sorted.length - 1, below + 1)] as number;
  return low + (high - low) * (at - below);
}
