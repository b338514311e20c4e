import { double, optional, text } from '@salmon-sae/dataflow/parquet';
import type { Cell, Table } from './document.js';

/** Columns of a table: text or numbers, any cell may be absent. */
export interface TableSchema {
  readonly [id: string]: { readonly kind: 'text'; readonly optional: true } | { readonly kind: 'double'; readonly optional: true };
}

/** A table as Parquet columns: numbers as doubles with their low and high ends, anything else as text; absent cells are null. */
export function tableParquet({ columns, rows }: Table): { readonly schema: TableSchema; readonly rows: readonly Readonly<Record<string, string | number | null>>[] } {
  const schema: Record<string, TableSchema[string]> = {};
  const records = rows.map((): Record<string, string | number | null> => ({}));
  columns.forEach(({ id }, i) => {
    const cells = rows.map((row) => row[i] ?? null);
    if (cells.some((cell) => typeof cell === 'string')) {
      schema[id] = optional(text);
      cells.forEach((cell, r) => (records[r]![id] = cell === null ? null : String(valueOf(cell))));
      return;
    }
    schema[id] = optional(double);
    cells.forEach((cell, r) => (records[r]![id] = valueOf(cell)));
    if (!cells.some((cell) => end(cell, 'low') !== null || end(cell, 'high') !== null)) return;
    for (const side of ['low', 'high'] as const) {
      schema[`${id}_${side}`] = optional(double);
      cells.forEach((cell, r) => (records[r]![`${id}_${side}`] = end(cell, side)));
    }
  });
  return { schema, rows: records };
}

function valueOf(cell: Cell): string | number | null {
  return cell !== null && typeof cell === 'object' ? cell.value : cell;
}

function end(cell: Cell, side: 'low' | 'high'): number | null {
  return cell !== null && typeof cell === 'object' ? (cell[side] ?? null) : null;
}
