import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatNumber } from '../number-format.js';
import { paperGap } from '../paper-gap.js';
import type { GapRow } from '../paper-gap.js';
import type { ReportData } from '../report-data.js';
import { styleAt } from './arm-style.js';
import { logDomain, logTicks } from './log-axis.js';
import { plotSvg } from './plot-svg.js';

const series: readonly { readonly key: Exclude<keyof GapRow, 'l0'>; readonly label: string; readonly place: number; readonly shape: 'plain' | 'hollow' }[] = [
  { key: 'paperReported', label: 'paper, as reported', place: 6, shape: 'plain' },
  { key: 'paperWithoutBos', label: 'paper, BOS taken out (estimate)', place: 6, shape: 'hollow' },
  { key: 'oursAsPaper', label: 'here, BOS treated as in the paper', place: 1, shape: 'hollow' },
  { key: 'ours', label: 'here, special tokens left out of both', place: 1, shape: 'plain' },
];

/** The gap in variance explained between domain and broad SAEs, published beside measured here. */
export function paperGapLines(data: ReportData): Figure | undefined {
  if (data.paper === undefined) return undefined;
  const gaps = paperGap(data.saes, data.paper);
  const drawn = series
    .map((one) => ({ ...one, style: styleAt(one.place), points: gaps.flatMap((row) => (row[one.key] === undefined ? [] : [{ l0: row.l0, gap: row[one.key]! }])) }))
    .filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return undefined;
  const l0s = drawn.flatMap(({ points }) => points.map((point) => point.l0));
  const title = 'Domain minus broad: the gap in variance explained';
  const alt = `${title}: ${drawn.map(({ label, points }) => `${label} ${points.map((p) => `${formatNumber(p.gap, 'signed4')} at L0 ${p.l0}`).join(', ')}`).join('; ')}.`;
  const svg = plotSvg(
    {
      x: { type: 'log', domain: [...logDomain(l0s)], ticks: [...logTicks(l0s)], tickFormat: (tick: number) => formatNumber(tick, 'short'), label: 'measured L0 (latents active per token, log scale)', labelAnchor: 'center' },
      y: { label: '↑ FVE of the domain arm minus FVE of the broad arm', grid: true, nice: true, zero: true },
      marginTop: 26,
      height: 300,
      marks: [
        Plot.frame({ strokeOpacity: 0.15 }),
        Plot.ruleY([0], { strokeOpacity: 0.6 }),
        ...drawn.flatMap(({ points, style, shape }) => [
          Plot.line(points, { x: 'l0', y: 'gap', stroke: style.color, strokeWidth: 2, ...(shape === 'hollow' ? { strokeDasharray: '4 3' } : {}) }),
          Plot.dot(points, { x: 'l0', y: 'gap', fill: shape === 'hollow' ? 'var(--paper, #ffffff)' : style.color, stroke: style.color, symbol: style.symbol, r: 4 }),
        ]),
      ],
    },
    { title, alt, legend: drawn.map(({ label, style, shape }) => ({ label, style, shape })) },
  );
  return {
    kind: 'figure',
    id: 'paper-gap',
    title,
    caption: `Fraction of variance explained, domain SAE minus broad SAE, at equal measured L0 (interpolated on log L0), domain text. Paper: arXiv 2508.09363, Gemma-2 ${data.paper.setting}, medical text of the training split, broad = Gemma Scope. Model, text and width differ from this run: compare the shape, not the height.`,
    alt,
    svg,
  };
}
