import { interpolateAt } from './curve.js';
import type { CurvePoint } from './curve.js';
import type { MetricKey, SaeRow, TextKind, VerdictMetric } from './report-data.js';
import { oneWidth } from './widths.js';

export type SeedCurves = ReadonlyMap<number | undefined, readonly CurvePoint[]>;

export interface CurveChoice {
  readonly arm: string;
  readonly metric: VerdictMetric;
  readonly text: TextKind;
}

/** seed -> curve of one arm at one width (`oneWidth`); rows without a seed form one curve. */
export function curvesBySeed(saes: readonly SaeRow[], { arm, metric, text }: CurveChoice): SeedCurves {
  const curves = new Map<number | undefined, CurvePoint[]>();
  for (const row of oneWidth(saes.filter((candidate) => candidate.arm === arm))) {
    const metrics = row.texts[text];
    const measure = metric === 'detection' ? row.detection : metrics?.[metric satisfies MetricKey];
    if (metrics === undefined || measure === undefined) continue;
    const curve = curves.get(row.seed) ?? [];
    curve.push({ l0: metrics.l0.value, measure });
    curves.set(row.seed, curve);
  }
  return curves;
}

/**
 * Seeds that were trained at one point only (the headline setting) become curves of their own: the longest curve of the arm, shifted by how far the
 * seed's point lies from it (from its nearer end, where the point lies beyond it). Without a curve of two points or more nothing changes.
 */
export function withShiftedSeeds(curves: SeedCurves): SeedCurves {
  const longest = [...curves.values()].reduce<readonly CurvePoint[]>((best, curve) => (curve.length > best.length ? curve : best), []);
  if (longest.length < 2) return curves;
  const shifted = [...curves].map(([seed, curve]): readonly [number | undefined, readonly CurvePoint[]] => {
    const point = curve[0];
    return curve.length === 1 && point !== undefined ? [seed, shift(longest, point.measure.value - valueNear(longest, point.l0))] : [seed, curve];
  });
  return new Map(shifted);
}

function valueNear(curve: readonly CurvePoint[], l0: number): number {
  const inside = interpolateAt(curve, l0);
  if (inside !== undefined) return inside.value;
  const distance = (point: CurvePoint): number => Math.abs(Math.log(point.l0 / l0));
  return curve.reduce((best, point) => (distance(point) < distance(best) ? point : best)).measure.value;
}

function shift(curve: readonly CurvePoint[], by: number): readonly CurvePoint[] {
  return curve.map(({ l0, measure: { value, low, high } }) => ({
    l0,
    measure: { value: value + by, ...(low === undefined || high === undefined ? {} : { low: low + by, high: high + by }) },
  }));
}
