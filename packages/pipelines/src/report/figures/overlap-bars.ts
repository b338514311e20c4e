import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatNumber } from '../number-format.js';
import type { ReportData } from '../report-data.js';
import { cssColor, palette } from './arm-style.js';
import { plotSvg } from './plot-svg.js';

/** Share of latents that two SAEs have in common, one bar per pair. */
export function overlapBars(data: ReportData): Figure | undefined {
  const rows = data.overlaps ?? [];
  if (rows.length === 0) return undefined;
  const bars = rows.map((row) => ({ pair: `${row.first} / ${row.second}`, share: row.shared / row.of, text: `${formatNumber(row.shared / row.of, 'percent')} (${row.shared} of ${row.of})` }));
  const longest = Math.max(...bars.map((bar) => bar.pair.length));
  const title = 'Latents in common';
  const alt = `${title}: ${bars.map((bar) => `${bar.pair} ${bar.text}`).join('; ')}.`;
  const svg = plotSvg(
    {
      x: { label: 'share of latents matched with both cosines above the threshold', labelAnchor: 'center', domain: [0, Math.min(1, 1.35 * Math.max(0.05, ...bars.map((bar) => bar.share)))], tickFormat: (share: number) => formatNumber(share, 'percent'), grid: true },
      y: { domain: bars.map((bar) => bar.pair), label: null, padding: 0.3 },
      marginLeft: Math.min(360, 20 + 6.6 * longest),
      marginTop: 8,
      height: 56 + 30 * bars.length,
      marks: [
        Plot.barX(bars, { x: 'share', y: 'pair', fill: cssColor(palette[6]!) }),
        Plot.text(bars, { x: 'share', y: 'pair', text: 'text', textAnchor: 'start', dx: 6 }),
        Plot.ruleX([0], { strokeOpacity: 0.6 }),
      ],
    },
    { title, alt },
  );
  const threshold = rows[0]!.threshold;
  return {
    kind: 'figure',
    id: 'overlap',
    title,
    caption: `Latents of two SAEs paired one to one (Hungarian matching on the mean of encoder and decoder cosine). A pair counts as shared when both cosines reach ${formatNumber(threshold, 'short')}. Two seeds of one arm show how much agreement training noise alone leaves.`,
    alt,
    svg,
  };
}
