import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import { setLabel } from './arm.js';
import { useLoaded } from './data.js';
import { Definitions, NOT_RECORDED } from './definitions.js';
import { COLUMNS, firstDirection, isSortKey } from './columns.js';
import { featureTable } from './feature-table.js';
import type { Filter, SortKey } from './feature-table.js';
import { FeatureGrid } from './feature-grid.js';
import { percent } from './format.js';
import type { PageProps } from './main.js';
import { setQuery } from './route.js';

const TERMS = ['arm', 'latent', 'text', 'token', 'density', 'domain', 'max', 'score', 'near', 'dense'] as const;

function filterOf(query: URLSearchParams): Filter {
  const sort = query.get('sort') ?? '';
  return {
    query: query.get('q') ?? '',
    set: query.get('set') ?? '',
    sort: isSortKey(sort) ? sort : 'score',
    down: query.get('dir') !== 'up',
    densityFrom: Number(query.get('from') ?? 0),
    densityTo: Number(query.get('to') ?? 2),
    dense: query.get('dense') ?? '',
    explained: query.get('explained') === 'yes',
  };
}

export function TablePage({ run, route }: PageProps): JSX.Element {
  const loaded = useLoaded(() => featureTable(run, run.sets), 'table');
  const { query } = route;
  const table = loaded.value;
  const filter = filterOf(query);
  const rows = useMemo(() => table?.select(filter), [table, query.toString()]);
  const order = (key: SortKey, dir?: 'up' | 'down'): void => {
    setQuery(route, { sort: key, dir: dir ?? (filter.sort !== key ? firstDirection(key) : filter.down ? 'up' : 'down') });
  };
  const banded = query.has('from') || query.has('to');
  const clear = (): void => setQuery(route, { q: undefined, set: undefined, from: undefined, to: undefined, dense: undefined, explained: undefined });
  return (
    <>
      <div class="tools">
        <h1>Features</h1>
        <input
          type="search"
          aria-label="Search features"
          placeholder="Search words, tokens, #latent   ( / )"
          value={filter.query}
          onInput={(event) => setQuery(route, { q: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === 'Escape') {
              setQuery(route, { q: undefined });
              event.currentTarget.blur();
            }
            if (event.key === 'ArrowDown' || event.key === 'Enter') {
              event.preventDefault();
              document.getElementById('grid')?.focus();
            }
          }}
        />
        <label>
          SAE
          <select value={filter.set} onChange={(event) => setQuery(route, { set: event.currentTarget.value })}>
            <option value="">all</option>
            {run.sets.map(({ id }) => (
              <option key={id} value={id}>
                {setLabel(run, id)}
              </option>
            ))}
          </select>
        </label>
        {table !== undefined && <DenseChoice classes={table.denseClasses} value={filter.dense} change={(dense) => setQuery(route, { dense })} />}
        <label>
          <input type="checkbox" checked={filter.explained} onChange={(event) => setQuery(route, { explained: event.currentTarget.checked ? 'yes' : undefined })} />
          explained only
        </label>
        <label class="sort-choice">
          Sort
          <select value={`${filter.sort} ${filter.down ? 'down' : 'up'}`} onChange={(event) => {
            const [key = '', dir] = event.currentTarget.value.split(' ');
            if (isSortKey(key)) order(key, dir === 'up' ? 'up' : 'down');
          }}>
            {COLUMNS.flatMap(({ key, label }) => (['down', 'up'] as const).map((dir) => (
              <option key={`${key}-${dir}`} value={`${key} ${dir}`}>
                {label} {dir === 'down' ? '↓' : '↑'}
              </option>
            )))}
          </select>
        </label>
        {banded && (
          <button type="button" class="chip" onClick={() => setQuery(route, { from: undefined, to: undefined })}>
            density {percent(filter.densityFrom)} to {percent(filter.densityTo)} <span aria-hidden="true">✕</span>
            <span class="hidden">remove this filter</span>
          </button>
        )}
        <span class="count" role="status">
          {table === undefined || rows === undefined ? '' : `${rows.length.toLocaleString('en')} of ${table.size.toLocaleString('en')} latents`}
        </span>
        <Definitions terms={TERMS} absent={[...(table?.domainRecorded === false ? (['domain'] as const) : []), ...(table !== undefined && table.denseClasses === undefined ? (['dense'] as const) : [])]} />
      </div>
      {loaded.error !== undefined && <p role="alert" class="error">{loaded.error}</p>}
      {loaded.error === undefined && (table === undefined || rows === undefined) && <p class="wait">Reading the features…</p>}
      {table !== undefined && rows !== undefined && (
        <FeatureGrid run={run} table={table} rows={rows} sort={filter.sort} down={filter.down} order={order} clear={clear} resetKey={query.toString()} />
      )}
    </>
  );
}

interface DenseChoiceProps {
  readonly classes: readonly string[] | undefined;
  readonly value: string;
  readonly change: (value: string) => void;
}

function DenseChoice({ classes, value, change }: DenseChoiceProps): JSX.Element {
  return (
    <label>
      Dense class
      <select value={value} disabled={classes === undefined} onChange={(event) => change(event.currentTarget.value)}>
        <option value="">{classes === undefined ? NOT_RECORDED : 'any'}</option>
        {classes !== undefined && (
          <>
            <option value="sparse">not dense</option>
            <option value="dense">dense, of any class</option>
            {classes.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </>
        )}
      </select>
    </label>
  );
}
