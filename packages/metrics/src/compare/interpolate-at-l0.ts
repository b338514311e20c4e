import { SalmonError } from '@salmon-sae/dataflow';
import type { Sampled } from '../documents/estimate.js';
import { requireSameDraws } from './paired-difference.js';

/** One SAE of a sparsity sweep: its measured L0 and the metric. */
export interface CurvePoint {
  readonly l0: Sampled;
  readonly metric: Sampled;
}

/**
 * A sweep's metric at one measured L0: linear in log(L0) between the two neighbouring points, replicate by replicate (each with its
 * own measured L0), so that differences of two curves can be paired. Throws `SalmonError('usage')` outside the measured range:
 * curves are not extrapolated.
 */
export function interpolateAtL0(curve: readonly CurvePoint[], l0: number): Sampled {
  requireSameDraws(curve.flatMap((p) => [p.l0, p.metric]));
  const sorted = [...curve].sort((a, b) => a.l0.value - b.l0.value);
  const [low, high] = l0Range(sorted);
  if (!(l0 >= low && l0 <= high)) {
    throw new SalmonError('usage', {
      what: 'A curve cannot be read outside its measured L0',
      where: sorted[0]?.metric.metric ?? 'empty curve',
      expected: `an L0 between ${low.toPrecision(4)} and ${high.toPrecision(4)}`,
      got: l0.toPrecision(4),
      todo: 'Choose an L0 that every arm covers (see sharedL0)',
    });
  }
  const upper = Math.max(
    Math.min(1, sorted.length - 1),
    sorted.findIndex((p) => p.l0.value >= l0),
  );
  const b = sorted[upper] as CurvePoint;
  const a = sorted[Math.max(0, upper - 1)] as CurvePoint;
  return {
    metric: a.metric.metric,
    value: between(a.l0.value, b.l0.value, l0, a.metric.value, b.metric.value),
    samples: a.metric.samples.map((v, i) =>
      between(a.l0.samples[i] as number, b.l0.samples[i] as number, l0, v, b.metric.samples[i] as number),
    ),
    key: a.metric.key,
  };
}

/** The L0 range that all curves cover, or undefined when they do not overlap. */
export function sharedL0(curves: readonly (readonly CurvePoint[])[]): readonly [number, number] | undefined {
  const ranges = curves.map(l0Range);
  const low = Math.max(...ranges.map(([a]) => a));
  const high = Math.min(...ranges.map(([, b]) => b));
  return low <= high ? [low, high] : undefined;
}

function l0Range(curve: readonly CurvePoint[]): readonly [number, number] {
  const values = curve.map((p) => p.l0.value);
  return [Math.min(...values), Math.max(...values)];
}

function between(l0A: number, l0B: number, at: number, a: number, b: number): number {
  const span = Math.log(l0B) - Math.log(l0A);
  if (span === 0) return (a + b) / 2;
  return a + ((b - a) * (Math.log(at) - Math.log(l0A))) / span;
}
