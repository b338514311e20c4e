import type { Measure } from './report-data.js';

/** One SAE on a curve: where it lies (measured L0) and what was measured there. */
export interface CurvePoint {
  readonly l0: number;
  readonly measure: Measure;
}

/** Linear interpolation on log(measured L0) between the two neighbours; undefined outside the curve's range. Points need not be sorted. */
export function interpolateAt(points: readonly CurvePoint[], l0: number): Measure | undefined {
  const sorted = usable(points);
  const exact = sorted.find((point) => point.l0 === l0);
  if (exact !== undefined) return exact.measure;
  const above = sorted.findIndex((point) => point.l0 > l0);
  if (above < 1) return undefined;
  const left = sorted[above - 1]!;
  const right = sorted[above]!;
  const t = Math.log(l0 / left.l0) / Math.log(right.l0 / left.l0);
  const mix = (a: number, b: number): number => a + t * (b - a);
  const value = mix(left.measure.value, right.measure.value);
  const { low: lowA, high: highA } = left.measure;
  const { low: lowB, high: highB } = right.measure;
  if (lowA === undefined || highA === undefined || lowB === undefined || highB === undefined) return { value };
  return { value, low: mix(lowA, lowB), high: mix(highA, highB) };
}

/** Low, mid and high L0 of a range: its ends and its geometric mean; a single point gives `mid` alone. */
export function l0Levels({ from, to }: { readonly from: number; readonly to: number }): readonly { readonly level: 'low' | 'mid' | 'high'; readonly l0: number }[] {
  if (from === to) return [{ level: 'mid', l0: from }];
  return [
    { level: 'low', l0: from },
    { level: 'mid', l0: Math.sqrt(from * to) },
    { level: 'high', l0: to },
  ];
}

function usable(points: readonly CurvePoint[]): readonly CurvePoint[] {
  return points.filter((point) => point.l0 > 0 && Number.isFinite(point.measure.value)).sort((a, b) => a.l0 - b.l0);
}
