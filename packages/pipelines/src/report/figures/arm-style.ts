import type { ArmFacts } from '../report-data.js';

/** How an arm is drawn: never by colour alone. */
export interface ArmStyle {
  /** A CSS variable with its light value as fallback, so that one drawing serves light pages, dark pages and files. */
  readonly color: string;
  readonly symbol: 'circle' | 'square' | 'triangle' | 'diamond' | 'star' | 'wye' | 'hexagon' | 'cross';
  /** SVG dash pattern; undefined = solid. */
  readonly dash?: string;
}

export interface PaletteEntry {
  readonly name: string;
  readonly light: string;
  readonly dark: string;
}

/** Okabe and Ito's colour-blind safe set (jfly.uni-koeln.de/color) and a brown, lightened for dark pages. */
export const palette: readonly PaletteEntry[] = [
  { name: 'blue', light: '#0072b2', dark: '#56a8e0' },
  { name: 'vermillion', light: '#d55e00', dark: '#ff8b45' },
  { name: 'green', light: '#00805c', dark: '#2fc49a' },
  { name: 'purple', light: '#b0588c', dark: '#e29ac3' },
  { name: 'sky', light: '#2b93c9', dark: '#8fd0f5' },
  { name: 'orange', light: '#b97a00', dark: '#f0b73f' },
  { name: 'grey', light: '#6b6b6b', dark: '#b3b3b3' },
  { name: 'brown', light: '#7a4a21', dark: '#cfa27a' },
];

const symbols: readonly ArmStyle['symbol'][] = ['square', 'circle', 'triangle', 'diamond', 'star', 'wye', 'hexagon', 'cross'];
const dashes: readonly (string | undefined)[] = [undefined, undefined, '7 3', '3 3', '9 3 2 3', '2 2', '1 3', '6 2 2 2'];
const fixedPlace: Readonly<Record<string, number>> = { broad: 0, domain: 1, boosted: 2 };

/** A style for every arm: broad, domain and boosted always look the same, others take the places that are left. */
export function armStyles(arms: readonly ArmFacts[]): ReadonlyMap<string, ArmStyle> {
  const taken = new Set(arms.flatMap((arm) => fixedPlace[arm.id] ?? []));
  const free = palette.map((_, index) => index).filter((index) => !taken.has(index));
  let next = 0;
  return new Map(arms.map((arm) => [arm.id, styleAt(fixedPlace[arm.id] ?? free[next++ % free.length]!)]));
}

export function styleAt(index: number): ArmStyle {
  const dash = dashes[index % dashes.length];
  return {
    color: cssColor(palette[index % palette.length]!),
    symbol: symbols[index % symbols.length]!,
    ...(dash === undefined ? {} : { dash }),
  };
}

export function cssColor({ name, light }: PaletteEntry): string {
  return `var(--c-${name}, ${light})`;
}

/** The drawing with every CSS variable replaced by its light value, for programs that know no CSS variables. */
export function withPlainColors(svg: string): string {
  return svg.replace(/var\(--[a-z-]+, (#[0-9a-f]{3,6}|[a-zA-Z]+)\)/g, '$1');
}
