import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { Arm, setLabel } from './arm.js';
import { useLoaded } from './data.js';
import { number, percent, shownToken } from './format.js';
import type { PageProps } from './main.js';
import { link, setQuery } from './route.js';
import { allRows, isSortKey, select } from './rows.js';
import type { Row, SortKey } from './rows.js';

const ROW = 36;
const SPARE = 8;

const COLUMNS: readonly { readonly key: SortKey; readonly label: string; readonly title: string; readonly numeric?: boolean }[] = [
  { key: 'arm', label: 'Arm', title: 'Which SAE the latent belongs to' },
  { key: 'latent', label: 'Latent', title: 'Index in the SAE', numeric: true },
  { key: 'text', label: 'Fires on', title: 'Explanation, or else the words at its peaks' },
  { key: 'token', label: 'Top token', title: 'The token on which it peaks most often' },
  { key: 'density', label: 'Density', title: 'Share of tokens on which it is active', numeric: true },
  { key: 'max', label: 'Max', title: 'Largest activation', numeric: true },
  { key: 'score', label: 'Detection', title: 'Balanced accuracy of the explanation on held-out windows (0.5 is chance)', numeric: true },
  { key: 'near', label: 'Nearest', title: 'Largest decoder cosine to a latent of another arm', numeric: true },
];

export function TablePage({ run, route }: PageProps): JSX.Element {
  const loaded = useLoaded(() => allRows(run), 'rows');
  const { query } = route;
  const sort = query.get('sort') ?? '';
  const filter = {
    query: query.get('q') ?? '',
    set: query.get('set') ?? '',
    sort: isSortKey(sort) ? sort : 'score',
    down: query.get('dir') !== 'up',
    densityFrom: Number(query.get('from') ?? 0),
    densityTo: Number(query.get('to') ?? 2),
  };
  const rows = useMemo(() => (loaded.value === undefined ? [] : select(loaded.value, filter)), [loaded.value, query.toString()]);
  const order = (key: SortKey): void => {
    const first = key === 'text' || key === 'token' || key === 'arm' || key === 'latent' ? 'up' : 'down';
    const dir = filter.sort !== key ? first : filter.down ? 'up' : 'down';
    setQuery(route, { sort: key, dir });
  };
  const banded = query.has('from') || query.has('to');
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
          SAE{' '}
          <select value={filter.set} onChange={(event) => setQuery(route, { set: event.currentTarget.value })}>
            <option value="">all</option>
            {run.sets.map(({ id }) => (
              <option key={id} value={id}>
                {setLabel(run, id)}
              </option>
            ))}
          </select>
        </label>
        {banded && (
          <button type="button" class="chip" onClick={() => setQuery(route, { from: undefined, to: undefined })}>
            density {percent(filter.densityFrom)} to {percent(filter.densityTo)} <span aria-hidden="true">✕</span>
            <span class="hidden">remove this filter</span>
          </button>
        )}
        <span class="count" role="status">
          {loaded.value === undefined ? '' : `${rows.length.toLocaleString('en')} of ${loaded.value.length.toLocaleString('en')} latents`}
        </span>
      </div>
      {loaded.error !== undefined && <p role="alert" class="error">{loaded.error}</p>}
      {loaded.value === undefined && loaded.error === undefined ? (
        <p class="wait">Reading the features…</p>
      ) : (
        <Grid rows={rows} run={run} sort={filter.sort} down={filter.down} order={order} resetKey={query.toString()} />
      )}
    </>
  );
}

interface GridProps {
  readonly rows: readonly Row[];
  readonly run: PageProps['run'];
  readonly sort: SortKey;
  readonly down: boolean;
  readonly order: (key: SortKey) => void;
  readonly resetKey: string;
}

/** Only the rows in view are in the document, so that the number of rows does not matter. */
function Grid({ rows, run, sort, down, order, resetKey }: GridProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    setActive(0);
    if (box.current !== null) box.current.scrollTop = 0;
  }, [resetKey]);
  const from = Math.max(0, Math.floor(top / ROW) - SPARE);
  const to = Math.min(rows.length, Math.ceil((top + height) / ROW) + SPARE);
  const show = (index: number): void => {
    const next = Math.min(rows.length - 1, Math.max(0, index));
    setActive(next);
    const element = box.current;
    if (element === null) return;
    const at = next * ROW;
    if (at < element.scrollTop) element.scrollTop = at;
    // The header row covers the first line of the box.
    if (at + 2 * ROW > element.scrollTop + element.clientHeight) element.scrollTop = at + 2 * ROW - element.clientHeight;
  };
  const open = (row: Row | undefined): void => {
    if (row !== undefined) location.hash = link('feature', [row.set.id, row.latent]);
  };
  const keys = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor(height / ROW) - 2);
    const steps: Readonly<Record<string, number>> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: rows.length - 1 };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      show(step);
    } else if (event.key === 'Enter') open(rows[active]);
    else if (event.key === 'Escape') document.querySelector<HTMLInputElement>('input[type=search]')?.focus();
  };
  return (
    <div
      id="grid"
      class="grid"
      ref={box}
      role="grid"
      tabIndex={0}
      aria-label="Features; arrow keys move, Enter opens"
      aria-rowcount={rows.length + 1}
      aria-colcount={COLUMNS.length}
      aria-activedescendant={rows.length > 0 && active >= from && active < to ? `row-${active}` : undefined}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={keys}
    >
      <div role="rowgroup" class="head-group">
        <div role="row" class="row head" aria-rowindex={1}>
          {COLUMNS.map(({ key, label, title, numeric }) => (
            <span key={key} role="columnheader" class={numeric === true ? 'num' : ''} aria-sort={sort === key ? (down ? 'descending' : 'ascending') : 'none'}>
              <button type="button" title={title} onClick={() => order(key)}>
                {label}
                <span aria-hidden="true" class="arrow">
                  {sort === key ? (down ? ' ↓' : ' ↑') : ''}
                </span>
              </button>
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" class="body-group" style={{ height: `${rows.length * ROW}px` }}>
        {rows.slice(from, to).map((row, i) => (
          <div
            key={`${row.set.id}/${row.latent}`}
            id={`row-${from + i}`}
            role="row"
            aria-rowindex={from + i + 2}
            aria-selected={from + i === active}
            class={`row${from + i === active ? ' active' : ''}`}
            style={{ transform: `translateY(${(from + i) * ROW}px)` }}
            onClick={() => open(row)}
          >
            <span role="gridcell">
              <Arm run={run} arm={row.set.arm} />
            </span>
            <span role="gridcell" class="num">
              <a href={link('feature', [row.set.id, row.latent])} tabIndex={-1}>
                {row.latent}
              </a>
            </span>
            <span role="gridcell" class="label" title={row.label}>
              {row.label}
              {row.dense !== '' && <small class="tag">{row.dense}</small>}
            </span>
            <span role="gridcell">
              <code>{shownToken(row.token)}</code>
            </span>
            <span role="gridcell" class="num">
              {percent(row.density)}
            </span>
            <span role="gridcell" class="num">
              {number(row.max)}
            </span>
            <span role="gridcell" class="num">
              {row.score === null ? '–' : row.score.toFixed(2)}
            </span>
            <span role="gridcell" class="num">
              {row.near === null ? '–' : row.near.toFixed(2)}
            </span>
          </div>
        ))}
      </div>
      {rows.length === 0 && (
        <p class="wait" role="status">
          No latent matches.
        </p>
      )}
    </div>
  );
}
