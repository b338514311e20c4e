import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatCell, formatNumber } from '../number-format.js';
import type { ReportData, ScalingRow } from '../report-data.js';
import { armStyles } from './arm-style.js';
import { logDomain, logTicks } from './log-axis.js';
import { panelName } from './metric-curves.js';
import { plotSvg } from './plot-svg.js';

/** Room beyond the outermost losses, as a factor. */
const AIR = 1.05;

/** FVU over width on logarithmic axes, with the fitted power law of each arm, one panel per text. */
export function scalingLines(data: ReportData): Figure | undefined {
  const rows = data.scaling?.rows ?? [];
  if (rows.length === 0) return undefined;
  const styles = armStyles(data.arms);
  const label = (id: string): string => data.arms.find((arm) => arm.id === id)?.label ?? id;
  const arms = data.arms.filter(({ id }) => rows.some((row) => row.arm === id));
  const points = rows.flatMap((row) => row.points.map((point) => ({ arm: row.arm, panel: panelName[row.text], latents: point.latents, ...point.loss })));
  const widths = [...new Set(points.map(({ latents }) => latents))].sort((a, b) => a - b);
  const losses = points.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const marks = arms.flatMap(({ id }) => {
    const { color, symbol, dash } = styles.get(id)!;
    const own = points.filter((point) => point.arm === id);
    return [
      Plot.ruleX(own.filter(({ low }) => low !== undefined && low > 0), { x: 'latents', y1: 'low', y2: 'high', fx: 'panel', stroke: color, strokeOpacity: 0.45, strokeWidth: 1.5 }),
      Plot.line(rows.filter((row) => row.arm === id).flatMap(lawEnds), { x: 'latents', y: 'loss', fx: 'panel', stroke: color, strokeWidth: 2, ...(dash === undefined ? {} : { strokeDasharray: dash }) }),
      Plot.dot(own, { x: 'latents', y: 'value', fx: 'panel', fill: color, symbol, r: 4 }),
    ];
  });
  const title = 'Unexplained variance over width';
  const alt = `${title}: ${rows.map((row) => `${label(row.arm)} on ${panelName[row.text]} ${row.points.map(({ latents, loss }) => `${formatNumber(loss.value, 'fixed3')} at ${formatNumber(latents, 'integer')}`).join(', ')}, exponent ${formatCell(row.exponent, 'signed3')}`).join('; ')}.`;
  const svg = plotSvg(
    {
      x: { type: 'log', domain: [...logDomain(widths)], ticks: tickWidths(widths), tickFormat: (tick: number) => formatNumber(tick, 'integer'), label: 'latents (log scale)', labelAnchor: 'center' },
      y: { type: 'log', domain: [Math.min(...losses) / AIR, Math.max(...losses) * AIR], ticks: lossTicks(losses), tickFormat: (tick: number) => formatNumber(tick, 'short'), label: '↑ fraction of variance unexplained (log scale)', labelAnchor: 'top', grid: true },
      fx: { domain: Object.values(panelName).filter((panel) => points.some((point) => point.panel === panel)), label: null, padding: 0.06 },
      marginTop: 46,
      marks: [Plot.frame({ strokeOpacity: 0.15 }), ...marks],
    },
    { title, alt, legend: arms.map((arm) => ({ label: arm.label, style: styles.get(arm.id)!, shape: 'line' as const })) },
  );
  return {
    kind: 'figure',
    id: 'scaling',
    title,
    caption: 'Marks: mean over seeds at one measured L0 per panel and arm, with 95% intervals (bootstrap over documents). Lines: the fitted power laws; on these axes a power law is straight. Boosted SAEs count base and residual latents.',
    alt,
    svg,
  };
}

function lawEnds({ text, points, coefficient, exponent }: ScalingRow): readonly { readonly panel: string; readonly latents: number; readonly loss: number }[] {
  const widths = points.map(({ latents }) => latents);
  return [Math.min(...widths), Math.max(...widths)].map((latents) => ({ panel: panelName[text], latents, loss: coefficient * latents ** exponent.value }));
}

/** 1, 2, 5 times powers of ten; within less than a decade that may leave none, and tenths of the leading power serve. */
function lossTicks(losses: readonly number[]): number[] {
  const coarse = logTicks(losses).filter((tick) => tick >= Math.min(...losses) / AIR && tick <= Math.max(...losses) * AIR);
  if (coarse.length > 2) return coarse;
  const step = 10 ** Math.floor(Math.log10(Math.max(...losses) - Math.min(...losses) || 0.1));
  const first = Math.ceil(Math.min(...losses) / AIR / step);
  const ticks = Array.from({ length: 40 }, (_, i) => Number(((first + i) * step).toPrecision(2))).filter((tick) => tick > 0 && tick <= Math.max(...losses) * AIR);
  return ticks.filter((_, i) => i % Math.ceil(ticks.length / 6) === 0);
}

/** The widths themselves, less those too near to the next smaller one to be read beside it. */
function tickWidths(widths: readonly number[]): number[] {
  const ticks: number[] = [];
  for (const width of widths) if (ticks.length === 0 || width / (ticks.at(-1) ?? width) > 1.3) ticks.push(width);
  return ticks;
}
