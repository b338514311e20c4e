import { SalmonError } from '@salmon-sae/dataflow';
import type { RowFilter } from './filter.js';

export interface PositionRange {
  /** First position kept (default 0). */
  readonly from?: number;
  /** First position no longer kept (default: none). */
  readonly to?: number;
}

/** Keeps positions [from, to) of every context row. */
export function positions(range: PositionRange): RowFilter {
  const from = range.from ?? 0;
  const to = range.to ?? Infinity;
  if (!(from >= 0 && from < to)) {
    throw new SalmonError('bad-config', { what: 'A position filter keeps nothing', expected: '0 <= from < to', got: `from ${from} to ${to}` });
  }
  return {
    name: 'positions',
    facts: { from, to: range.to ?? null },
    select: ({ at, batch }) =>
      Uint8Array.from(at, (i) => {
        const position = i % batch.context;
        return position >= from && position < to ? 1 : 0;
      }),
  };
}
