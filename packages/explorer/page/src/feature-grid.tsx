import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX, VNode } from 'preact';
import type { RunData } from '../../src/wire.js';
import { Arm } from './arm.js';
import { COLUMNS } from './columns.js';
import { DEFINITIONS } from './definitions.js';
import type { FeatureTable, Row, SortKey } from './feature-table.js';
import { measure, percent, score, shownToken } from './format.js';
import { Label } from './label.js';
import { Meter } from './meter.js';
import { link } from './route.js';

/** Heights of a row in px, as in the styles: one line, or two on a narrow screen. */
const ROW = 36;
const NARROW_ROW = 60;
const NARROW = '(max-width: 900px)';
/** Rows kept above and below the view. */
const SPARE = 8;

interface GridProps {
  readonly run: RunData;
  readonly table: FeatureTable;
  /** Places in the table, in order. */
  readonly rows: Uint32Array;
  readonly sort: SortKey;
  readonly down: boolean;
  readonly order: (key: SortKey) => void;
  readonly clear: () => void;
  readonly resetKey: string;
}

/** Only the rows in view are in the document, so that the number of rows does not matter. */
export function FeatureGrid({ run, table, rows, sort, down, order, clear, resetKey }: GridProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<readonly VNode<GridRowProps>[]>([]);
  const [height, setHeight] = useState(600);
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  const [active, setActive] = useState(0);
  const line = narrow ? NARROW_ROW : ROW;
  const header = narrow ? 0 : ROW;
  // First line in view: the list is drawn again when this changes, not on every pixel.
  const [first, setFirst] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => {
      setHeight(element.clientHeight);
      setNarrow(matchMedia(NARROW).matches);
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    setActive(0);
    if (box.current !== null) box.current.scrollTop = 0;
  }, [resetKey]);
  const from = Math.max(0, Math.min(first, rows.length - 1) - SPARE);
  const to = Math.min(rows.length, first + Math.ceil(height / line) + SPARE);
  const show = (index: number): void => {
    const next = Math.min(rows.length - 1, Math.max(0, index));
    setActive(next);
    const element = box.current;
    if (element === null) return;
    const at = next * line;
    if (at < element.scrollTop) element.scrollTop = at;
    if (at + line + header > element.scrollTop + element.clientHeight) element.scrollTop = at + line + header - element.clientHeight;
  };
  const open = (at: number | undefined): void => {
    if (at === undefined) return;
    const { set, latent } = table.row(at);
    location.hash = link('feature', [set.id, latent]);
  };
  const keys = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor(height / line) - 2);
    const steps: Readonly<Record<string, number>> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: rows.length - 1 };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      show(step);
    } else if (event.key === 'Enter') open(rows[active]);
    else if (event.key === 'Escape') document.querySelector<HTMLInputElement>('input[type=search]')?.focus();
  };
  // A row drawn already is given back as the same object, which Preact then leaves alone: scrolling costs the rows that come into view. Those
  // take over the elements of the rows that left.
  const slots = Math.ceil(height / line) + 2 * SPARE + 1;
  const held = new Map(drawn.current.map((row) => [row.props.name, row]));
  drawn.current = Array.from(rows.subarray(from, to), (at, i) => {
    const index = from + i;
    const name = `${at} ${index} ${line} ${slots} ${index === active}`;
    return held.get(name) ?? <GridRow key={index % slots} name={name} run={run} row={table.row(at)} index={index} line={line} active={index === active} withDomain={table.hasDomain} open={() => open(at)} />;
  });
  const columns = COLUMNS.filter(({ key }) => key !== 'domain' || table.hasDomain);
  return (
    <div class="grid-box">
      <div
        id="grid"
        class={`grid${table.hasDomain ? ' with-domain' : ''}`}
        ref={box}
        role="grid"
        tabIndex={0}
        aria-label="Features; arrow keys move, Enter opens"
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length}
        aria-activedescendant={rows.length > 0 && active >= from && active < to ? `row-${active}` : undefined}
        onScroll={(event) => setFirst(Math.floor(event.currentTarget.scrollTop / line))}
        onKeyDown={keys}
      >
        <div role="rowgroup" class="head-group">
          <div role="row" class="row head" aria-rowindex={1}>
            {columns.map(({ key, label, numeric }) => (
              <span key={key} role="columnheader" class={numeric === true ? 'num' : ''} aria-sort={sort === key ? (down ? 'descending' : 'ascending') : 'none'}>
                <button type="button" title={DEFINITIONS[key][1]} onClick={() => order(key)}>
                  {label}
                  <span aria-hidden="true">{sort === key ? (down ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" class="body-group" style={{ height: `${rows.length * line}px` }}>
          {drawn.current}
        </div>
      </div>
      {rows.length === 0 && (
        <div class="empty">
          <p>No latent matches.</p>
          <button type="button" onClick={clear}>
            Clear search and filters
          </button>
        </div>
      )}
    </div>
  );
}

interface GridRowProps {
  /** Differs whenever the row would look different. */
  readonly name: string;
  readonly run: RunData;
  readonly row: Row;
  readonly index: number;
  readonly line: number;
  readonly active: boolean;
  readonly withDomain: boolean;
  readonly open: () => void;
}

function GridRow({ run, row, index, line, active, withDomain, open }: GridRowProps): JSX.Element {
  return (
    <div
      id={`row-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={active}
      class={`row${active ? ' active' : ''}`}
      style={{ transform: `translateY(${index * line}px)` }}
      onClick={open}
    >
      <span role="gridcell" class="cell-arm">
        <Arm run={run} arm={row.set.arm} />
      </span>
      <span role="gridcell" class="num cell-latent">
        <a href={link('feature', [row.set.id, row.latent])} tabIndex={-1}>
          {row.latent}
        </a>
      </span>
      <span role="gridcell" class="cell-text">
        <Label explanation={row.explanation} text={row.label} />
        {row.dense !== null && row.dense !== '' && (
          <small class="tag dense" title={DEFINITIONS.dense[1]}>
            dense: {row.dense.replaceAll('+', ', ')}
          </small>
        )}
      </span>
      <span role="gridcell">
        <code>{shownToken(row.token)}</code>
      </span>
      <span role="gridcell" class="num cell-density">
        {percent(row.density)}
        <Meter share={(Math.log10(row.density) + 5) / 5} />
      </span>
      {withDomain && (
        <span role="gridcell" class="num">
          {Number.isNaN(row.domain) ? '–' : `${Math.round(100 * row.domain)}%`}
          {!Number.isNaN(row.domain) && <Meter share={row.domain} />}
        </span>
      )}
      <span role="gridcell" class="num">
        {measure(row.max)}
      </span>
      <span role="gridcell" class="num cell-score" title={Number.isNaN(row.score) ? 'Not scored in this run' : undefined}>
        {score(row.score)}
      </span>
      <span role="gridcell" class="num">
        {score(row.near)}
      </span>
    </div>
  );
}
