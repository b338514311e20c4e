import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatNumber } from '../number-format.js';
import type { ReportData } from '../report-data.js';
import { armsWithCurves, leftOutNote, oneWidth } from '../widths.js';
import { armStyles } from './arm-style.js';
import { logDomain, logTicks } from './log-axis.js';
import { plotSvg } from './plot-svg.js';

interface Point {
  readonly l0: number;
  readonly fve: number;
}

/** FVE on domain text with special tokens left out (solid) and left in (dashed), one pair of curves per arm. */
export function bosCurves(data: ReportData): Figure | undefined {
  const styles = armStyles(data.arms);
  const drawn = armsWithCurves(data.arms, data.saes)
    .map((arm) => ({ arm, ...pairs(data, arm.id) }))
    .filter(({ included }) => included.length > 0);
  if (drawn.length === 0) return undefined;
  const marks = drawn.flatMap(({ arm, excluded, included }) => {
    const { color, symbol } = styles.get(arm.id)!;
    return [
      Plot.line(excluded, { x: 'l0', y: 'fve', stroke: color, strokeWidth: 2 }),
      Plot.line(included, { x: 'l0', y: 'fve', stroke: color, strokeWidth: 2, strokeDasharray: '4 3' }),
      Plot.dot(excluded, { x: 'l0', y: 'fve', fill: color, symbol, r: 4 }),
      Plot.dot(included, { x: 'l0', y: 'fve', fill: 'var(--paper, #ffffff)', stroke: color, symbol, r: 4 }),
    ];
  });
  const l0s = drawn.flatMap(({ excluded, included }) => [...excluded, ...included].map((point) => point.l0));
  const title = 'Variance explained with and without special tokens, held-out domain text';
  const alt = `${title}: ${drawn.map(({ arm, excluded, included }) => `${arm.label} gains ${formatNumber(meanGain(excluded, included), 'signed4')} on average when BOS is counted`).join('; ')}.`;
  const svg = plotSvg(
    {
      x: { type: 'log', domain: [...logDomain(l0s)], ticks: [...logTicks(l0s)], tickFormat: (tick: number) => formatNumber(tick, 'short'), label: 'measured L0 (latents active per token, log scale)', labelAnchor: 'center' },
      y: { label: '↑ fraction of variance explained', grid: true, nice: true },
      marginTop: 26,
      height: 300,
      marks: [Plot.frame({ strokeOpacity: 0.15 }), ...marks],
    },
    {
      title,
      alt,
      legend: drawn.flatMap(({ arm }) => [
        { label: `${arm.label}: left out`, style: styles.get(arm.id)!, shape: 'plain' as const },
        { label: `${arm.label}: left in`, style: styles.get(arm.id)!, shape: 'hollow' as const },
      ]),
    },
  );
  return {
    kind: 'figure',
    id: 'bos',
    title,
    caption: `The same SAEs, measured with BOS, EOS and padding left out (solid, filled: the rule of this report) and with BOS left in (dashed, hollow). One BOS per text with a very large norm inflates the variance that every SAE explains; comparing one arm with BOS against another without it makes a gap of its own.${leftOutNote(data.arms, data.saes)}`,
    alt,
    svg,
  };
}

function pairs(data: ReportData, arm: string): { readonly excluded: readonly Point[]; readonly included: readonly Point[] } {
  const rows = oneWidth(data.saes.filter((row) => row.arm === arm)).flatMap((row) => {
    const metrics = row.texts.domain;
    const fve = metrics?.withBos?.fve;
    if (metrics === undefined || fve === undefined) return [];
    return [{ excluded: { l0: metrics.l0.value, fve: metrics.fve.value }, included: { l0: metrics.withBos?.l0?.value ?? metrics.l0.value, fve: fve.value } }];
  });
  const byL0 = (points: readonly Point[]): readonly Point[] => [...points].sort((a, b) => a.l0 - b.l0);
  return { excluded: byL0(rows.map((row) => row.excluded)), included: byL0(rows.map((row) => row.included)) };
}

function meanGain(excluded: readonly Point[], included: readonly Point[]): number {
  return included.reduce((sum, point, i) => sum + point.fve - excluded[i]!.fve, 0) / included.length;
}
