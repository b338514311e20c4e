import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeHtml } from '../escape.js';
import { legendSvg } from './legend.js';
import type { LegendItem } from './legend.js';

export interface PlotSvgOptions {
  readonly title: string;
  readonly alt: string;
  readonly legend?: readonly LegendItem[];
}

/** Draws a plot without a browser: one SVG string with title, description and legend, in which CSS variables carry the colours. */
export function plotSvg(plot: Plot.PlotOptions, { title, alt, legend = [] }: PlotSvgOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const drawn = Plot.plot({ width: 760, height: 330, marginLeft: 48, marginBottom: 40, ...plot, document: document as unknown as Document, style: { fontSize: '12px' } });
  const root = drawn as unknown as PlainElement;
  const width = Number(root.getAttribute('width'));
  const height = Number(root.getAttribute('height'));
  root.querySelectorAll('style').forEach((style) => style.remove());
  const key = legendSvg(legend, width);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + key.height}" width="${width}" height="${height + key.height}" role="img"`,
    ` fill="currentColor" font-family="system-ui, sans-serif" font-size="12" text-anchor="middle" color="var(--ink, #1a1a1a)">`,
    `<title>${escapeHtml(title)}</title><desc>${escapeHtml(alt)}</desc>`,
    key.svg,
    `<g transform="translate(0,${key.height})">${rounded(root.innerHTML)}</g></svg>`,
  ].join('');
}

/** The parts of the DOM used here; the compiler knows no DOM in a Node package. */
interface PlainElement {
  readonly innerHTML: string;
  getAttribute(name: string): string | null;
  querySelectorAll(selector: string): readonly { remove(): void }[];
}
interface Document {
  readonly documentElement: unknown;
}

/** Coordinates to two decimals: a tenth of the size, no visible change. */
function rounded(svg: string): string {
  return svg.replace(/(?<=[\s",(MLHVCZ-])\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2))));
}
