import { escapeHtml } from '../escape.js';
import type { ArmStyle } from './arm-style.js';

export interface LegendItem {
  readonly label: string;
  readonly style: ArmStyle;
  /** line: a line with its symbol; plain: the same, never dashed; hollow: dashed, with an empty symbol; dot: the symbol alone; box and faint: filled squares. */
  readonly shape: 'line' | 'plain' | 'hollow' | 'dot' | 'box' | 'faint';
}

const rowHeight = 22;
const characterWidth = 6.6;
const swatch = 34;

/** A legend drawn into the SVG itself, so that an exported figure keeps it; items wrap at the width. */
export function legendSvg(items: readonly LegendItem[], width: number): { readonly svg: string; readonly height: number } {
  if (items.length === 0) return { svg: '', height: 0 };
  let x = 8;
  let y = 4;
  const drawn = items.map((item) => {
    const needed = swatch + item.label.length * characterWidth + 18;
    if (x > 8 && x + needed > width) {
      x = 8;
      y += rowHeight;
    }
    const svg = `<g transform="translate(${x},${y})">${mark(item)}<text x="${swatch}" y="12" text-anchor="start">${escapeHtml(item.label)}</text></g>`;
    x += Math.ceil(needed);
    return svg;
  });
  return { svg: `<g aria-hidden="true">${drawn.join('')}</g>`, height: y + rowHeight + 6 };
}

function mark({ style, shape }: LegendItem): string {
  if (shape === 'box' || shape === 'faint') {
    return `<rect x="8" y="1" width="18" height="13" fill="${style.color}" fill-opacity="${shape === 'box' ? 1 : 0.35}" stroke="${style.color}"/>`;
  }
  const dash = shape === 'hollow' ? '4 3' : shape === 'plain' ? undefined : style.dash;
  const line = shape === 'dot' ? '' : `<line x1="0" x2="28" y1="8" y2="8" stroke="${style.color}" stroke-width="2"${dash === undefined ? '' : ` stroke-dasharray="${dash}"`}/>`;
  const fill = shape === 'hollow' ? 'var(--paper, #ffffff)' : style.color;
  return `${line}<path d="${symbolPath(style.symbol)}" transform="translate(14,8)" fill="${fill}" stroke="${style.color}" stroke-width="1.5"/>`;
}

/** Small outlines of the plotting symbols around (0, 0). */
function symbolPath(symbol: ArmStyle['symbol']): string {
  switch (symbol) {
    case 'square':
      return 'M-4,-4H4V4H-4Z';
    case 'circle':
      return 'M4.5,0A4.5,4.5 0 1 1 -4.5,0A4.5,4.5 0 1 1 4.5,0Z';
    case 'triangle':
      return 'M0,-5.5L5,3.5H-5Z';
    case 'diamond':
      return 'M0,-6L4,0L0,6L-4,0Z';
    case 'star':
      return 'M0,-6L1.5,-2L5.7,-1.9L2.4,0.7L3.5,4.9L0,2.5L-3.5,4.9L-2.4,0.7L-5.7,-1.9L-1.5,-2Z';
    case 'wye':
      return 'M-1.5,1V6H1.5V1L5.5,-1.5L4,-4L0,-1.6L-4,-4L-5.5,-1.5Z';
    case 'hexagon':
      return 'M0,-5L4.3,-2.5V2.5L0,5L-4.3,2.5V-2.5Z';
    case 'cross':
      return 'M-1.7,-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z';
  }
}
