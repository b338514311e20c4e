/** A point value with the replicates of a bootstrap over documents. Replicate i of two estimates with equal `key` drew the same documents. */
export interface Sampled {
  /** Definition id, e.g. `fve_pooled@1`. */
  readonly metric: string;
  readonly value: number;
  /** Bootstrap replicates; empty where nothing could be resampled (fewer than two documents). */
  readonly samples: Float64Array;
  /** Names the resampling: same documents, same seed, same number of replicates. */
  readonly key: string;
}

export interface Estimate {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** Percentile interval (Efron 1979) of the replicates; without replicates the value alone. */
export function interval(sampled: Sampled, level = 0.95): Estimate {
  const finite = sampled.samples.filter(Number.isFinite).sort();
  if (finite.length === 0) return { value: sampled.value };
  const tail = (1 - level) / 2;
  return { value: sampled.value, low: quantileOfSorted(finite, tail), high: quantileOfSorted(finite, 1 - tail) };
}

/** Linear interpolation between order statistics (Hyndman and Fan 1996, type 7). */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const a = sorted[below] ?? Number.NaN;
  const b = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN;
  return a === b ? a : a + (b - a) * (at - below);
}

/**
 * Shifts the replicates so that their mean is the point value, for counts that resampling can only lower
 * (a latent that fired in one document is absent from 37% of the replicates).
 */
export function recentred(sampled: Sampled): Sampled {
  let sum = 0;
  for (const s of sampled.samples) sum += s;
  const shift = sampled.samples.length === 0 ? 0 : sampled.value - sum / sampled.samples.length;
  return { ...sampled, samples: sampled.samples.map((s) => s + shift) };
}
