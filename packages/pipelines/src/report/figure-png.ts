import { Resvg } from '@resvg/resvg-js';

/** Pixels per SVG unit: sharp in print at the page's width. */
const SCALE = 2;

/** An exported figure (plain colours) as PNG on white, at twice its size. */
export function figurePng(svg: string): Uint8Array {
  return new Resvg(svg, { background: '#ffffff', fitTo: { mode: 'zoom', value: SCALE } }).render().asPng();
}

/** False on machines without any font: text would be missing from the pictures, without an error. */
export function canDrawText(systemFonts = true): boolean {
  const probe = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="15" font-family="system-ui, sans-serif">0</text></svg>';
  return new Resvg(probe, { font: { loadSystemFonts: systemFonts } }).getBBox() !== undefined;
}
