import { interpolateAt } from './curve.js';
import type { CurvePoint } from './curve.js';
import { formatNumber } from './number-format.js';
import { paperRows } from './paper-rows.js';
import type { PaperRow } from './paper-rows.js';
import type { PaperSection, SaeRow } from './report-data.js';
import { oneWidth } from './widths.js';

/** Domain arm minus broad arm in FVE at one measured L0, published and measured here; undefined outside a curve's range. */
export interface GapRow {
  readonly l0: number;
  /** As reported: the domain SAE with BOS, Gemma Scope without. */
  readonly paperReported: number | undefined;
  /** The domain SAE's FVE without BOS (an estimate from the published numbers) minus Gemma Scope's. */
  readonly paperWithoutBos: number | undefined;
  /** Ours, treated as the paper did: the domain arm with BOS, the broad arm without. */
  readonly oursAsPaper: number | undefined;
  /** Ours, special tokens left out of both. */
  readonly ours: number | undefined;
}

export const gapLevels: readonly number[] = [4, 8, 12, 18, 25, 40, 60, 100, 150, 250];

/** The FVE gap between domain and broad at a grid of measured L0, interpolated on log L0; rows on which nothing is known are left out. */
export function paperGap(saes: readonly SaeRow[], section: PaperSection): readonly GapRow[] {
  const published = paperRows(section.setting);
  const curve = (arm: PaperRow['arm'], of: (row: PaperRow) => number | undefined): readonly CurvePoint[] =>
    published.filter((row) => row.arm === arm).flatMap((row) => point(row.l0, of(row)));
  const own = (arm: string, withBos: boolean): readonly CurvePoint[] => seedMeans(oneWidth(saes.filter((row) => row.arm === arm)), withBos);
  const gap = (a: readonly CurvePoint[], b: readonly CurvePoint[], l0: number): number | undefined => {
    const left = interpolateAt(a, l0)?.value;
    const right = interpolateAt(b, l0)?.value;
    return left === undefined || right === undefined ? undefined : left - right;
  };
  const paperBroad = curve('broad', (row) => row.fve);
  const oursBroad = own(section.broadArm, false);
  return gapLevels
    .map((l0) => ({
      l0,
      paperReported: gap(curve('domain', (row) => row.fve), paperBroad, l0),
      paperWithoutBos: gap(curve('domain', (row) => row.fveWithoutBos), paperBroad, l0),
      oursAsPaper: gap(own(section.domainArm, true), oursBroad, l0),
      ours: gap(own(section.domainArm, false), oursBroad, l0),
    }))
    .filter((row) => [row.paperReported, row.oursAsPaper, row.ours].some((value) => value !== undefined));
}

/** What remains of the gap once special tokens are treated alike, published and here, in words; undefined where no level has both numbers. */
export function gapParagraph(rows: readonly GapRow[]): string | undefined {
  const published = remaining(rows, (row) => [row.paperReported, row.paperWithoutBos]);
  const ours = remaining(rows, (row) => [row.oursAsPaper, row.ours]);
  if (published === undefined && ours === undefined) return undefined;
  const parts = [
    ...(published === undefined ? [] : [`In the paper, taking BOS out of the domain SAEs leaves ${published} (an estimate).`]),
    ...(ours === undefined ? [] : [`Here, with BOS in the domain arm and out of the broad arm as in the paper, then out of both, there remains ${ours}.`]),
  ];
  return parts.join(' ');
}

/** "+0.151 of +0.242 (62%) at L0 4, ..." at the first and last level that has both numbers. */
function remaining(rows: readonly GapRow[], of: (row: GapRow) => readonly [number | undefined, number | undefined]): string | undefined {
  const both = rows.filter((row) => of(row).every((value) => value !== undefined));
  const ends = both.length > 1 ? [both[0]!, both.at(-1)!] : both;
  if (ends.length === 0) return undefined;
  return ends
    .map((row) => {
      const [before, after] = of(row) as readonly [number, number];
      const share = before > 0 ? ` (${formatNumber(after / before, 'percent0')})` : '';
      return `${formatNumber(after, 'signed3')} of ${formatNumber(before, 'signed3')}${share} at L0 ${row.l0}`;
    })
    .join(' and ');
}

/** One point per target L0, mean over seeds. */
function seedMeans(rows: readonly SaeRow[], withBos: boolean): readonly CurvePoint[] {
  const groups = new Map<number | string, { l0: number; fve: number }[]>();
  for (const row of rows) {
    const metrics = row.texts.domain;
    if (metrics === undefined) continue;
    const fve = withBos ? metrics.withBos?.fve : metrics.fve;
    const l0 = withBos ? (metrics.withBos?.l0 ?? metrics.l0) : metrics.l0;
    if (fve === undefined) continue;
    const key = row.targetL0 ?? row.sae;
    groups.set(key, [...(groups.get(key) ?? []), { l0: l0.value, fve: fve.value }]);
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [...groups.values()].map((own) => ({ l0: mean(own.map((p) => p.l0)), measure: { value: mean(own.map((p) => p.fve)) } }));
}

function point(l0: number, value: number | undefined): readonly CurvePoint[] {
  return value === undefined ? [] : [{ l0, measure: { value } }];
}
