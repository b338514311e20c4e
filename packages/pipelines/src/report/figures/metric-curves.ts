import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatNumber } from '../number-format.js';
import type { MetricKey, ReportData, SaeRow, TextKind } from '../report-data.js';
import { widthsOf } from '../widths.js';
import { armStyles } from './arm-style.js';
import type { ArmStyle } from './arm-style.js';
import { logDomain, logTicks, wantsLog } from './log-axis.js';
import { plotSvg } from './plot-svg.js';

export interface MetricCurvesOptions {
  readonly id: string;
  readonly metric: MetricKey;
  readonly title: string;
  readonly axis: string;
  readonly caption: string;
}

interface Point {
  readonly panel: string;
  readonly l0: number;
  readonly value: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly target: number | undefined;
}

export const panelName: Readonly<Record<TextKind, string>> = { domain: 'held-out domain text', broad: 'held-out broad text' };

/** A metric over measured L0, one curve per arm, one panel per text; undefined where no SAE has the metric. */
export function metricCurves(data: ReportData, options: MetricCurvesOptions): Figure | undefined {
  const drawn = curvesOf(data, options.metric);
  const all = drawn.flatMap(({ points }) => points);
  if (all.length === 0) return undefined;
  const l0s = all.map((point) => point.l0);
  const log = wantsLog(all.map((point) => point.value));
  const several = new Set(data.saes.map((row) => row.seed)).size > 1;
  const marks = drawn.flatMap(({ style, hollow, points }) => {
    const intervals = points.filter((point) => point.low !== undefined && (!log || point.low > 0));
    return [
      Plot.ruleX(intervals, { x: 'l0', y1: 'low', y2: 'high', fx: 'panel', stroke: style.color, strokeOpacity: 0.45, strokeWidth: 1.5 }),
      Plot.line(meanLine(points), { x: 'l0', y: 'value', fx: 'panel', stroke: style.color, strokeWidth: 2, ...(style.dash === undefined ? {} : { strokeDasharray: style.dash }) }),
      Plot.dot(points, { x: 'l0', y: 'value', fx: 'panel', fill: hollow ? 'var(--paper, #ffffff)' : style.color, stroke: style.color, symbol: style.symbol, r: several ? 3 : 4 }),
    ];
  });
  const alt = `${options.title}: ${drawn.map(({ label, points }) => describe(label, points)).join('; ')}.`;
  const svg = plotSvg(
    {
      x: { type: 'log', domain: [...logDomain(l0s)], ticks: [...logTicks(l0s)], tickFormat: (tick: number) => formatNumber(tick, 'short'), label: 'measured L0 (latents active per token, log scale)', labelAnchor: 'center' },
      y: { label: options.axis, labelAnchor: 'top', grid: true, nice: true, ...(log ? { type: 'log' as const, ticks: [...logTicks(all.map((point) => point.value))], tickFormat: (tick: number) => formatNumber(tick, 'short') } : {}) },
      fx: { domain: panels(all), label: null, padding: 0.06 },
      marginTop: 46,
      marks: [Plot.frame({ strokeOpacity: 0.15 }), ...marks],
    },
    { title: options.title, alt, legend: drawn.map(({ label, style, hollow }) => ({ label, style, shape: hollow ? ('hollow' as const) : ('line' as const) })) },
  );
  const seeds = several ? ' Each mark is one SAE (one per seed); lines join the means over seeds at equal target L0.' : ' Each mark is one SAE.';
  return {
    kind: 'figure',
    id: options.id,
    title: options.title,
    caption: `${options.caption}${seeds} Vertical bars: 95% intervals, bootstrap over documents.${log ? ' Logarithmic vertical axis.' : ''}`,
    alt,
    svg,
  };
}

interface Curve {
  readonly label: string;
  readonly style: ArmStyle;
  readonly hollow: boolean;
  readonly points: readonly Point[];
}

/** One curve per arm and width; further widths of an arm are dashed, with hollow marks. */
function curvesOf(data: ReportData, metric: MetricKey): readonly Curve[] {
  const styles = armStyles(data.arms);
  return data.arms.flatMap((arm) => {
    const own = data.saes.filter((row) => row.arm === arm.id);
    const widths = widthsOf(own);
    return widths.flatMap((latents, i): readonly Curve[] => {
      const points = pointsOf(own.filter((row) => row.latents === latents), metric);
      if (points.length === 0) return [];
      const label = widths.length === 1 ? arm.label : `${arm.label}, ${formatNumber(latents, 'integer')} latents`;
      const style = styles.get(arm.id)!;
      return [{ label, style: i === 0 ? style : { ...style, dash: '4 3' }, hollow: i > 0, points }];
    });
  });
}

function pointsOf(rows: readonly SaeRow[], metric: MetricKey): readonly Point[] {
  return (['domain', 'broad'] as const).flatMap((text) =>
    rows.flatMap((row) => {
      const metrics = row.texts[text];
      const measure = metrics?.[metric];
      if (metrics === undefined || measure === undefined || !(metrics.l0.value > 0)) return [];
      const { value, low, high } = measure;
      return [{ panel: panelName[text], l0: metrics.l0.value, value, low, high, target: row.targetL0 }];
    }),
  );
}

/** Means over seeds at equal target, by panel and ascending L0. */
function meanLine(points: readonly Point[]): readonly Point[] {
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    const key = `${point.panel} ${point.target ?? point.l0}`;
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  const mean = (own: readonly Point[], of: (point: Point) => number): number => own.reduce((sum, point) => sum + of(point), 0) / own.length;
  return [...groups.values()]
    .map((own) => ({ ...own[0]!, l0: mean(own, (point) => point.l0), value: mean(own, (point) => point.value) }))
    .sort((a, b) => a.l0 - b.l0);
}

function panels(points: readonly Point[]): string[] {
  return Object.values(panelName).filter((name) => points.some((point) => point.panel === name));
}

function describe(label: string, points: readonly Point[]): string {
  const parts = panels(points).map((panel) => {
    const line = meanLine(points.filter((point) => point.panel === panel));
    const first = line[0]!;
    const last = line.at(-1)!;
    return `${panel}: ${formatNumber(first.value, 'fixed3')} at L0 ${formatNumber(first.l0, 'short3')} to ${formatNumber(last.value, 'fixed3')} at L0 ${formatNumber(last.l0, 'short3')}`;
  });
  return `${label}, ${parts.join(', ')}`;
}
