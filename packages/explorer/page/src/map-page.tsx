import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { FeaturesData, MapData, RunData, SetData } from '../../src/wire.js';
import { setLabel } from './arm.js';
import { features, mapData, useLoaded } from './data.js';
import { number, percent } from './format.js';
import type { PageProps } from './main.js';
import { link, setQuery } from './route.js';
import { nearestOf, rowsOf } from './rows.js';
import type { Row } from './rows.js';

const COLOURS: Readonly<Record<string, string>> = { density: 'density', near: 'nearest in other arms', score: 'detection score' };

export function MapPage({ run, route }: PageProps): JSX.Element {
  const set = run.sets.find(({ id }) => id === route.query.get('set')) ?? run.sets[0];
  const colour = COLOURS[route.query.get('colour') ?? ''] === undefined ? 'density' : (route.query.get('colour') as string);
  const query = route.query.get('q') ?? '';
  const loaded = useLoaded(async () => {
    if (set === undefined) throw new Error('The run has no features.');
    const [map, data] = await Promise.all([mapData(set.id), features(set.id)]);
    return { map, data };
  }, set?.id ?? '');
  return (
    <>
      <div class="tools">
        <h1>Decoder map</h1>
        <input
          type="search"
          aria-label="Highlight latents"
          placeholder="Highlight words   ( / )"
          value={query}
          onInput={(event) => setQuery(route, { q: event.currentTarget.value })}
          onKeyDown={(event) => event.key === 'Escape' && setQuery(route, { q: undefined })}
        />
        <label>
          SAE{' '}
          <select value={set?.id} onChange={(event) => setQuery(route, { set: event.currentTarget.value })}>
            {run.sets.map(({ id }) => (
              <option key={id} value={id}>
                {setLabel(run, id)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Colour{' '}
          <select value={colour} onChange={(event) => setQuery(route, { colour: event.currentTarget.value })}>
            {Object.entries(COLOURS).map(([key, label]) => (
              <option key={key} value={key}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </div>
      {loaded.error !== undefined && <p role="alert" class="error">{loaded.error}</p>}
      {loaded.value === undefined && loaded.error === undefined && <p class="wait">Laying out the decoder rows; the first time this takes a while…</p>}
      {loaded.value !== undefined && set !== undefined && <Scatter run={run} set={set} map={loaded.value.map} data={loaded.value.data} colour={colour} query={query} />}
    </>
  );
}

interface ScatterProps {
  readonly run: RunData;
  readonly set: SetData;
  readonly map: MapData;
  readonly data: FeaturesData;
  readonly colour: string;
  readonly query: string;
}

interface Spot {
  readonly x: number;
  readonly y: number;
  readonly row: Row;
  /** 0..1 on the colour scale; undefined: no value. */
  readonly tone: number | undefined;
  readonly found: boolean;
}

function toneOf(colour: string, data: FeaturesData, row: number): number | undefined {
  if (colour === 'near') return nearestOf(data, row) ?? undefined;
  if (colour === 'score') {
    const score = data.score[row];
    return score === null || score === undefined ? undefined : Math.max(0, score - 0.5) * 2;
  }
  return Math.max(0, Math.min(1, (Math.log10(data.density[row] ?? 1e-5) + 4.5) / 4));
}

function Scatter({ run, set, map, data, colour, query }: ScatterProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState({ width: 800, height: 600 });
  const [over, setOver] = useState<number | undefined>(undefined);
  const [theme, setTheme] = useState(0);
  const words = query.toLowerCase().split(/\s+/).filter((word) => word.length > 1);
  const spots = useMemo((): readonly Spot[] => {
    const rows = new Map(rowsOf(run, set, data).map((row) => [row.latent, row]));
    return map.latent.flatMap((latent, i): Spot[] => {
      const row = rows.get(latent);
      if (row === undefined) return [];
      const found = words.length > 0 && words.every((word) => row.text.includes(word));
      return [{ x: map.x[i] ?? 0, y: map.y[i] ?? 0, row, tone: toneOf(colour, data, row.row), found }];
    });
  }, [map, data, colour, query]);
  const place = (spot: Spot): { readonly x: number; readonly y: number } => ({ x: 20 + spot.x * (size.width - 40), y: 20 + spot.y * (size.height - 40) });
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    watch.observe(element);
    const repaint = (): void => setTheme((n) => n + 1);
    addEventListener('themechange', repaint);
    return () => {
      watch.disconnect();
      removeEventListener('themechange', repaint);
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
    const style = getComputedStyle(element);
    const ink = (name: string): string => style.getPropertyValue(name).trim();
    const scale = Array.from({ length: 9 }, (_, i) => ink(`--tone-${i}`));
    for (const spot of [...spots].sort((a, b) => Number(a.found) - Number(b.found))) {
      const { x, y } = place(spot);
      const faded = words.length > 0 && !spot.found;
      context.globalAlpha = faded ? 0.18 : 0.85;
      context.fillStyle = spot.tone === undefined ? ink('--faint') : (scale[Math.round(spot.tone * 8)] ?? '');
      context.beginPath();
      context.arc(x, y, spot.found ? 6 : spots.length > 2000 ? 2.5 : 4, 0, 2 * Math.PI);
      context.fill();
      if (spot.found) {
        context.lineWidth = 1.5;
        context.strokeStyle = ink('--ink');
        context.stroke();
      }
    }
    const hovered = over === undefined ? undefined : spots[over];
    if (hovered !== undefined) {
      const { x, y } = place(hovered);
      context.globalAlpha = 1;
      context.lineWidth = 2.5;
      context.strokeStyle = ink('--ink');
      context.beginPath();
      context.arc(x, y, 8, 0, 2 * Math.PI);
      context.stroke();
    }
  }, [spots, size, over, theme]);
  const nearest = (event: MouseEvent): number | undefined => {
    let best: number | undefined;
    let distance = 14 ** 2;
    spots.forEach((spot, i) => {
      const { x, y } = place(spot);
      const d = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2;
      if (d < distance) [best, distance] = [i, d];
    });
    return best;
  };
  const step = (event: KeyboardEvent): void => {
    const way = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] } as Readonly<Record<string, readonly [number, number]>>)[event.key];
    const at = over === undefined ? undefined : spots[over];
    if (event.key === 'Enter' && at !== undefined) location.hash = link('feature', [set.id, at.row.latent]);
    if (event.key === 'Escape') setOver(undefined);
    if (way === undefined) return;
    event.preventDefault();
    if (at === undefined) return setOver(0);
    let best = over;
    let cost = Infinity;
    spots.forEach((spot, i) => {
      const [dx, dy] = [spot.x - at.x, spot.y - at.y];
      const along = dx * way[0] + dy * way[1];
      const c = along + 3 * Math.abs(dx * way[1] + dy * way[0]);
      if (along > 0 && c < cost) [best, cost] = [i, c];
    });
    setOver(best);
  };
  const shown = over === undefined ? undefined : spots[over];
  const found = spots.filter((spot) => spot.found);
  return (
    <div class="map">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`Map of ${spots.length} latents. Arrow keys move from latent to latent, Enter opens one.`}
        onMouseMove={(event) => setOver(nearest(event))}
        onMouseLeave={() => setOver(undefined)}
        onClick={(event) => {
          const hit = nearest(event);
          const spot = hit === undefined ? undefined : spots[hit];
          if (spot !== undefined) location.hash = link('feature', [set.id, spot.row.latent]);
        }}
        onKeyDown={step}
      />
      <aside class="panel">
        <div role="status" class="tip">
          {shown === undefined ? (
            <p class="muted">Point at a dot, or walk with the arrow keys.</p>
          ) : (
            <>
              <p>
                <b>Latent {shown.row.latent}</b> · density {percent(shown.row.density)}
                {shown.row.score !== null && ` · detection ${number(shown.row.score, 2)}`}
                {shown.row.near !== null && ` · nearest ${shown.row.near.toFixed(2)}`}
              </p>
              <p>{shown.row.label}</p>
            </>
          )}
        </div>
        <p class="legend">
          <span>low</span>
          {Array.from({ length: 9 }, (_, i) => (
            <span key={i} class={`swatch tone-${i}`} aria-hidden="true" />
          ))}
          <span>high {COLOURS[colour]}</span>
        </p>
        {words.length > 0 && (
          <>
            <h2>{found.length} found</h2>
            <ul class="matches">
              {found.slice(0, 20).map(({ row }) => (
                <li key={row.latent}>
                  <a href={link('feature', [set.id, row.latent])}>
                    <b class="num">{row.latent}</b> {row.label}
                  </a>
                </li>
              ))}
            </ul>
          </>
        )}
        <p class="muted">
          {map.method}; {map.latent.length} of {map.of} live latents.
        </p>
      </aside>
    </div>
  );
}
