import type { Cell, Table } from './document.js';
import { csvField } from './escape.js';

/** A table as CSV (RFC 4180) with full precision; columns with intervals are followed by their low and high ends. */
export function tableCsv({ columns, rows }: Table): string {
  const intervals = columns.map((_, i) => rows.some((row) => hasInterval(row[i])));
  const header = columns.flatMap(({ id }, i) => (intervals[i] === true ? [id, `${id}_low`, `${id}_high`] : [id]));
  const lines = rows.map((row) => columns.flatMap((_, i) => fields(row[i] ?? null, intervals[i] === true)));
  return [header, ...lines].map((line) => line.map(csvField).join(',')).join('\r\n') + '\r\n';
}

function fields(cell: Cell, interval: boolean): readonly (string | number | null)[] {
  if (cell === null || typeof cell !== 'object') return interval ? [cell, null, null] : [cell];
  return interval ? [cell.value, cell.low ?? null, cell.high ?? null] : [cell.value];
}

function hasInterval(cell: Cell | undefined): boolean {
  return typeof cell === 'object' && cell !== null && (cell.low !== undefined || cell.high !== undefined);
}
