import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Row } from './feature-table.js';
import { plural } from './format.js';

/** A latent on the map. */
export interface Spot {
  /** 0..1 across and down the map. */
  readonly x: number;
  readonly y: number;
  readonly row: Row;
  /** 0..1 on the colour scale; NaN: no value. */
  readonly tone: number;
  readonly state: 'plain' | 'found' | 'faded';
}

interface ScatterProps {
  readonly spots: readonly Spot[];
  /** Place of the spot under the pointer or the arrow keys. */
  readonly over: number | undefined;
  readonly setOver: (spot: number | undefined) => void;
  readonly open: (spot: Spot) => void;
}

const MARGIN = 20;
/** Spots within this many px of the pointer are under it. */
const REACH = 14;
const TONES = 9;
const STEPS: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function Scatter({ spots, over, setOver, open }: ScatterProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState({ width: 800, height: 600 });
  const [theme, setTheme] = useState(0);
  const place = (spot: Spot): { readonly x: number; readonly y: number } => ({ x: MARGIN + spot.x * (size.width - 2 * MARGIN), y: MARGIN + spot.y * (size.height - 2 * MARGIN) });
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    watch.observe(element);
    const repaint = (): void => setTheme((n) => n + 1);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    addEventListener('themechange', repaint);
    scheme.addEventListener('change', repaint);
    return () => {
      watch.disconnect();
      removeEventListener('themechange', repaint);
      scheme.removeEventListener('change', repaint);
    };
  }, []);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || element === undefined || context === null || context === undefined) return;
    const ratio = devicePixelRatio;
    element.width = size.width * ratio;
    element.height = size.height * ratio;
    context.scale(ratio, ratio);
    const scale = Array.from({ length: TONES }, (_, i) => colourOf(element, `--tone-${i}`));
    const [ink, faint] = [colourOf(element, '--ink'), colourOf(element, '--faint')];
    const dot = (spot: Spot, radius: number): void => {
      const { x, y } = place(spot);
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
    };
    for (const state of ['faded', 'plain', 'found'] as const) {
      context.globalAlpha = state === 'faded' ? 0.3 : 0.9;
      for (const spot of spots) {
        if (spot.state !== state) continue;
        dot(spot, state === 'found' ? 6 : spots.length > 2000 ? 2.5 : 4);
        context.fillStyle = Number.isNaN(spot.tone) ? faint : (scale[Math.round(spot.tone * (TONES - 1))] ?? faint);
        context.fill();
        if (state !== 'found') continue;
        context.lineWidth = 1.5;
        context.strokeStyle = ink;
        context.stroke();
      }
    }
    const hovered = over === undefined ? undefined : spots[over];
    if (hovered === undefined) return;
    dot(hovered, 8);
    context.globalAlpha = 1;
    context.lineWidth = 2.5;
    context.strokeStyle = ink;
    context.stroke();
  }, [spots, size, over, theme]);
  const under = (event: MouseEvent): number | undefined => {
    let best: number | undefined;
    let distance = REACH ** 2;
    spots.forEach((spot, i) => {
      const { x, y } = place(spot);
      const d = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2;
      if (d < distance) [best, distance] = [i, d];
    });
    return best;
  };
  const keys = (event: KeyboardEvent): void => {
    const at = over === undefined ? undefined : spots[over];
    if (event.key === 'Enter' && at !== undefined) open(at);
    if (event.key === 'Escape') setOver(undefined);
    const way = STEPS[event.key];
    if (way === undefined) return;
    event.preventDefault();
    setOver(at === undefined ? 0 : (beside(spots, at, way) ?? over));
  };
  return (
    <canvas
      ref={canvas}
      tabIndex={0}
      role="application"
      aria-label={`Map of ${plural(spots.length, 'latent')}. Arrow keys move from latent to latent, Enter opens one.`}
      onMouseMove={(event) => setOver(under(event))}
      onMouseLeave={() => setOver(undefined)}
      onClick={(event) => {
        const spot = spots[under(event) ?? -1];
        if (spot !== undefined) open(spot);
      }}
      onKeyDown={keys}
    />
  );
}

/** The nearest spot in a direction, those off to the side counting as further away. */
function beside(spots: readonly Spot[], from: Spot, way: readonly [number, number]): number | undefined {
  let best: number | undefined;
  let cost = Infinity;
  spots.forEach((spot, i) => {
    const [dx, dy] = [spot.x - from.x, spot.y - from.y];
    const along = dx * way[0] + dy * way[1];
    const c = along + 3 * Math.abs(dx * way[1] + dy * way[0]);
    if (along > 0 && c < cost) [best, cost] = [i, c];
  });
  return best;
}

/** A colour of the theme as the canvas understands it: a custom property would read as the words `light-dark(...)`. */
function colourOf(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const colour = getComputedStyle(element).color;
  element.style.color = '';
  return colour;
}
