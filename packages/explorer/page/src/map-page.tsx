import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { MapData, RunData, SetData } from '../../src/wire.js';
import { setLabel } from './arm.js';
import { mapData, useLoaded } from './data.js';
import { Definitions } from './definitions.js';
import { featureTable } from './feature-table.js';
import type { FeatureTable, Row } from './feature-table.js';
import { number, percent, plural, score } from './format.js';
import { Label } from './label.js';
import type { PageProps } from './main.js';
import { link, setQuery } from './route.js';
import { Scatter } from './scatter.js';
import type { Spot } from './scatter.js';

interface Colouring {
  readonly label: string;
  /** What the ends of the scale are. */
  readonly ends: readonly [string, string];
  /** 0..1 on the scale, NaN without a value. */
  readonly tone: (row: Row) => number;
}

const COLOURS: Readonly<Record<string, Colouring>> = {
  density: { label: 'density', ends: ['0.003%', '30%'], tone: ({ density }) => Math.max(0, Math.min(1, (Math.log10(density) + 4.5) / 4)) },
  near: { label: 'nearest in other arms', ends: ['0', '1'], tone: ({ near }) => Math.max(0, near) },
  score: { label: 'detection', ends: ['0.5', '1'], tone: (row) => Math.max(0, row.score - 0.5) * 2 },
  domain: { label: 'domain share', ends: ['0%', '100%'], tone: ({ domain }) => domain },
};
const LISTED = 20;

export function MapPage({ run, route }: PageProps): JSX.Element {
  const set = run.sets.find(({ id }) => id === route.query.get('set')) ?? run.sets[0];
  const colour = route.query.get('colour') ?? 'density';
  const query = route.query.get('q') ?? '';
  const loaded = useLoaded(async () => {
    if (set === undefined) throw new Error('The run has no features.');
    const [map, table] = await Promise.all([mapData(set.id), featureTable(run, [set])]);
    return { map, table };
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
          SAE
          <select value={set?.id} onChange={(event) => setQuery(route, { set: event.currentTarget.value })}>
            {run.sets.map(({ id }) => (
              <option key={id} value={id}>
                {setLabel(run, id)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Colour
          <select value={colour} onChange={(event) => setQuery(route, { colour: event.currentTarget.value })}>
            {Object.entries(COLOURS).filter(([key]) => key !== 'domain' || loaded.value?.table.hasDomain === true).map(([key, { label }]) => (
              <option key={key} value={key}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <Definitions terms={['density', 'near', 'score', 'domain']} absent={loaded.value?.table.domainRecorded === false ? ['domain'] : []} />
      </div>
      {loaded.error !== undefined && <p role="alert" class="error">{loaded.error}</p>}
      {loaded.value === undefined && loaded.error === undefined && <p class="wait">Laying out the decoder rows; the first time this takes a while…</p>}
      {loaded.value !== undefined && set !== undefined && (
        <MapView key={set.id} run={run} set={set} map={loaded.value.map} table={loaded.value.table} colouring={COLOURS[colour] ?? (COLOURS['density'] as Colouring)} query={query} latent={Number(route.query.get('latent') ?? NaN)} />
      )}
    </>
  );
}

interface MapViewProps {
  readonly run: RunData;
  readonly set: SetData;
  readonly map: MapData;
  readonly table: FeatureTable;
  readonly colouring: Colouring;
  readonly query: string;
  /** The latent to show at first; NaN for none. */
  readonly latent: number;
}

function spotsOf({ map, table, colouring, query }: MapViewProps): readonly Spot[] {
  const asked = query.trim() !== '';
  const found = new Set(asked ? table.select({ query, set: '', sort: 'latent', down: false, densityFrom: 0, densityTo: 2, dense: '', explained: false }) : []);
  const places = new Map(Array.from({ length: table.size }, (_, at) => [table.latentOf(at), at]));
  return map.latent.flatMap((latent, i): Spot[] => {
    const at = places.get(latent);
    if (at === undefined) return [];
    const row = table.row(at);
    return [{ x: map.x[i] ?? 0, y: map.y[i] ?? 0, row, tone: colouring.tone(row), state: !asked ? 'plain' : found.has(at) ? 'found' : 'faded' }];
  });
}

function MapView(props: MapViewProps): JSX.Element {
  const { set, map, table, colouring, query, latent } = props;
  const spots = useMemo(() => spotsOf(props), [map, table, colouring, query]);
  const [over, setOver] = useState(() => {
    const at = spots.findIndex(({ row }) => row.latent === latent);
    return at < 0 ? undefined : at;
  });
  const shown = over === undefined ? undefined : spots[over];
  const found = spots.filter(({ state }) => state === 'found');
  return (
    <div class="map">
      <Scatter spots={spots} over={over} setOver={setOver} open={({ row }) => (location.hash = link('feature', [set.id, row.latent]))} />
      <aside class="panel">
        <div role="status" class="tip">
          {shown === undefined ? (
            <p class="muted">Point at a dot, or walk with the arrow keys; click or Enter opens the latent.</p>
          ) : (
            <>
              <p>
                <a href={link('feature', [set.id, shown.row.latent])}>
                  <b>Latent {shown.row.latent}</b>
                </a>{' '}
                <span class="muted">
                  density {percent(shown.row.density)}
                  {!Number.isNaN(shown.row.score) && ` · detection ${number(shown.row.score, 2)}`}
                  {!Number.isNaN(shown.row.near) && ` · nearest ${score(shown.row.near)}`}
                </span>
              </p>
              <p>
                <Label explanation={shown.row.explanation} text={shown.row.label} />
              </p>
            </>
          )}
        </div>
        <p class="legend">
          <span>{colouring.ends[0]}</span>
          {Array.from({ length: 9 }, (_, i) => (
            <span key={i} class={`swatch tone-${i}`} aria-hidden="true" />
          ))}
          <span>
            {colouring.ends[1]} {colouring.label}
          </span>
        </p>
        {query.trim() !== '' && (
          <>
            <h2>{found.length === 0 ? 'No latent matches' : `${plural(found.length, 'latent')} found`}</h2>
            <ul class="matches">
              {found.slice(0, LISTED).map(({ row }) => (
                <li key={row.latent}>
                  <a href={link('feature', [set.id, row.latent])}>
                    <b class="num">{row.latent}</b> <Label explanation={row.explanation} text={row.label} />
                  </a>
                </li>
              ))}
            </ul>
            {found.length > LISTED && (
              <p>
                <a href={link('features', [], { set: set.id, q: query })}>All {found.length} in the table</a>
              </p>
            )}
          </>
        )}
        <p class="muted">
          {map.method}; {map.latent.length.toLocaleString('en')} of {plural(map.of, 'live latent')}. Near dots have similar decoder rows; distances across the map mean little.
        </p>
      </aside>
    </div>
  );
}
