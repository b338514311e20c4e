import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatNumber } from '../number-format.js';
import type { DensityHistogram, ReportData } from '../report-data.js';
import { armStyles } from './arm-style.js';
import { panelName } from './metric-curves.js';
import { plotSvg } from './plot-svg.js';

/** Histograms of how often latents fire, one line per SAE, one panel per text. */
export function densityLines(data: ReportData): Figure | undefined {
  const histograms = data.densities ?? [];
  if (histograms.length === 0) return undefined;
  const styles = armStyles(data.arms);
  const panels = [...new Set(histograms.map((histogram) => panelName[histogram.text]))];
  const nameOf = ({ arm }: DensityHistogram): string => data.arms.find(({ id }) => id === arm)?.label ?? arm;
  const marks = histograms.map((histogram) => {
    const style = styles.get(histogram.arm)!;
    return Plot.line(outline(histogram), {
      x: 'x',
      y: 'share',
      fx: 'panel',
      stroke: style.color,
      strokeWidth: 2,
      ...(style.dash === undefined ? {} : { strokeDasharray: style.dash }),
    });
  });
  const title = 'How often latents fire';
  const alt = `${title}: ${histograms.map((h) => `${h.sae} on ${panelName[h.text]}: ${h.silent} of ${latentsOf(h)} latents silent, most common density near 1 in ${formatNumber(10 ** -peak(h), 'short3')} tokens`).join('; ')}.`;
  const named = histograms.filter((histogram, i) => histograms.findIndex((other) => other.arm === histogram.arm) === i);
  const svg = plotSvg(
    {
      x: { label: 'share of tokens on which a latent is active (log scale)', labelAnchor: 'center', ticks: ticks(histograms), tickFormat: (exponent: number) => powerLabel(exponent) },
      y: { label: '↑ share of latents per bin', grid: true, zero: true, nice: true },
      fx: { domain: panels, label: null, padding: 0.06 },
      marginTop: 46,
      height: 290,
      marks: [Plot.frame({ strokeOpacity: 0.15 }), Plot.ruleX([-1], { strokeOpacity: 0.5, strokeDasharray: '2 3' }), ...marks],
    },
    {
      title,
      alt,
      legend: named.map((histogram) => ({
        label: nameOf(histogram),
        style: styles.get(histogram.arm)!,
        shape: 'line' as const,
      })),
    },
  );
  const silent = panels
    .map((panel) => {
      const counts = histograms.filter((h) => panelName[h.text] === panel).map((h) => `${nameOf(h)} ${formatNumber(h.silent, 'integer')} of ${formatNumber(latentsOf(h), 'integer')}`);
      return `${panel}: ${counts.join(', ')}`;
    })
    .join('; ');
  return {
    kind: 'figure',
    id: 'densities',
    title,
    caption: `Distribution of activation density over the latents that fired at least once. Right of the dotted line (10% of tokens) a latent counts as dense. Latents that never fired on the evaluation text are not drawn: ${silent}.`,
    alt,
    svg,
  };
}

interface OutlinePoint {
  readonly x: number;
  readonly share: number;
  readonly panel: string;
}

/** The histogram's outline: up at each edge, flat across each bin. */
function outline(histogram: DensityHistogram): readonly OutlinePoint[] {
  const total = latentsOf(histogram);
  const panel = panelName[histogram.text];
  const steps = histogram.counts.flatMap((count, i) => [
    { x: histogram.edges[i]!, share: count / total, panel },
    { x: histogram.edges[i + 1]!, share: count / total, panel },
  ]);
  return [{ x: histogram.edges[0]!, share: 0, panel }, ...steps, { x: histogram.edges.at(-1)!, share: 0, panel }];
}

function latentsOf({ counts, silent }: DensityHistogram): number {
  return counts.reduce((sum, count) => sum + count, silent);
}

function peak({ counts, edges }: DensityHistogram): number {
  const top = counts.indexOf(Math.max(...counts));
  return (edges[top]! + edges[top + 1]!) / 2;
}

function ticks(histograms: readonly DensityHistogram[]): number[] {
  const edges = histograms.flatMap((histogram) => histogram.edges);
  const from = Math.ceil(Math.min(...edges));
  const to = Math.min(-1, Math.floor(Math.max(...edges)));
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

function powerLabel(exponent: number): string {
  return exponent >= -6 ? `${(100 * 10 ** exponent).toFixed(Math.max(0, -2 - exponent))}%` : `1e${exponent}`;
}
