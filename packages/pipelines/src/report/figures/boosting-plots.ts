import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatNumber } from '../number-format.js';
import type { BoostingPoint, BoostingSection } from '../report-data.js';
import { styleAt } from './arm-style.js';
import { logDomain, logTicks } from './log-axis.js';
import { plotSvg } from './plot-svg.js';

/** Gain on domain text against change on broad text, one mark per method. */
export function boostingTradeOff({ rows, base }: BoostingSection): Figure | undefined {
  const points = rows
    .filter((row) => row.role !== 'base')
    .flatMap((row) => {
      const x = row.broad.fveChange;
      const y = row.domain.fveChange;
      if (x === undefined || y === undefined) return [];
      return [{ method: row.method, role: row.role, x: x.value, x1: x.low ?? x.value, x2: x.high ?? x.value, y: y.value, y1: y.low ?? y.value, y2: y.high ?? y.value }];
    });
  if (points.length === 0) return undefined;
  const title = 'What boosting gains on domain text and costs on broad text';
  const alt = `${title}: ${points.map((p) => `${p.method}: domain ${formatNumber(p.y, 'signed4')}, broad ${formatNumber(p.x, 'signed4')}`).join('; ')}.`;
  const groups = points.map((point, i) => ({ point, style: point.role === 'boosted' ? styleAt(2) : styleAt(3 + (i % 4)) }));
  const signed = (change: number): string => formatNumber(change, 'signed3').replace(/0+$/, '').replace(/\.$/, '');
  const svg = plotSvg(
    {
      x: { label: 'change of FVE on broad text →', labelAnchor: 'center', labelArrow: 'none', grid: true, nice: true, tickFormat: signed, inset: 12 },
      y: { label: '↑ change of FVE on domain text', grid: true, nice: true, tickFormat: signed, inset: 12 },
      marginTop: 26,
      marginLeft: 60,
      height: 340,
      marks: [
        Plot.frame({ strokeOpacity: 0.15 }),
        Plot.ruleX([0], { strokeOpacity: 0.5 }),
        Plot.ruleY([0], { strokeOpacity: 0.5 }),
        ...groups.flatMap(({ point, style }) => [
          Plot.link([point], { x1: 'x1', x2: 'x2', y1: 'y', y2: 'y', stroke: style.color, strokeOpacity: 0.5, strokeWidth: 1.5 }),
          Plot.link([point], { x1: 'x', x2: 'x', y1: 'y1', y2: 'y2', stroke: style.color, strokeOpacity: 0.5, strokeWidth: 1.5 }),
          Plot.dot([point], { x: 'x', y: 'y', fill: style.color, symbol: style.symbol, r: 5 }),
        ]),
      ],
    },
    { title, alt, legend: groups.map(({ point, style }) => ({ label: point.method, style, shape: 'dot' as const })) },
  );
  return {
    kind: 'figure',
    id: 'boosting-trade-off',
    title,
    caption: `Each mark is one way to adapt the base (${base}): higher is more gained on the domain, further left is more lost on broad text; the base lies at (0, 0). Bars: 95% intervals of the paired change.`,
    alt,
    svg,
  };
}

export interface BoostingSeriesOptions {
  readonly id: string;
  readonly title: string;
  readonly axis: string;
  readonly caption: string;
}

/** FVE on both texts as one setting of the residual SAE varies. */
export function boostingSeries(points: readonly BoostingPoint[], options: BoostingSeriesOptions): Figure | undefined {
  if (points.length === 0) return undefined;
  const sorted = [...points].sort((a, b) => a.at - b.at);
  const series = [
    { label: 'held-out domain text', style: styleAt(1), rows: sorted.map((point) => ({ at: point.at, ...point.domainFve })) },
    { label: 'held-out broad text', style: styleAt(0), rows: sorted.map((point) => ({ at: point.at, ...point.broadFve })) },
  ];
  const at = sorted.map((point) => point.at);
  const alt = `${options.title}: ${series.map(({ label, rows }) => `${label} ${rows.map((row) => `${formatNumber(row.value, 'fixed3')} at ${formatNumber(row.at, 'short')}`).join(', ')}`).join('; ')}.`;
  const svg = plotSvg(
    {
      x: { type: 'log', domain: [...logDomain(at)], ticks: [...logTicks(at)], tickFormat: (tick: number) => formatNumber(tick, 'short'), label: options.axis, labelAnchor: 'center' },
      y: { label: '↑ fraction of variance explained', grid: true, nice: true },
      marginTop: 26,
      height: 260,
      marks: [
        Plot.frame({ strokeOpacity: 0.15 }),
        ...series.flatMap(({ rows, style }) => [
          Plot.ruleX(rows.filter((row) => row.low !== undefined), { x: 'at', y1: 'low', y2: 'high', stroke: style.color, strokeOpacity: 0.5 }),
          Plot.line(rows, { x: 'at', y: 'value', stroke: style.color, strokeWidth: 2 }),
          Plot.dot(rows, { x: 'at', y: 'value', fill: style.color, symbol: style.symbol, r: 4 }),
        ]),
      ],
    },
    { title: options.title, alt, legend: series.map(({ label, style }) => ({ label, style, shape: 'line' as const })) },
  );
  return { kind: 'figure', id: options.id, title: options.title, caption: options.caption, alt, svg };
}
