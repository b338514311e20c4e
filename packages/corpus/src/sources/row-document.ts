import { SalmonError } from '@salmon-sae/dataflow';
import { formatQa } from '../qa/format.js';
import type { RowFields } from '../source.js';

export interface RowText {
  readonly id: string;
  readonly text: string;
  readonly domain: string;
}

type Row = Readonly<Record<string, unknown>>;

/**
 * The document in a row of a table. A row without an id is named after its place. A missing text is `bad-file`: a typing error in a
 * field name would otherwise pass as an empty corpus.
 */
export function rowDocument(row: Row, spec: RowFields, place: { readonly where: string; readonly file: string; readonly number: number }): RowText {
  const names = { id: 'id', text: 'text', domain: 'domain', ...spec.fields };
  const text = spec.format === undefined ? reach(row, names.text) : formatted(row, spec.format, place.where);
  if (typeof text !== 'string') {
    throw new SalmonError('bad-file', {
      what: `A row has no text under ${names.text}`,
      where: place.where,
      expected: `text under ${names.text}`,
      got: text === undefined ? `fields ${Object.keys(row).join(', ') || '(none)'}` : text === null ? 'null' : typeof text,
      todo: 'Name the field with `fields`, or the data set with `format`',
    });
  }
  const id = reach(row, names.id);
  const domain = reach(row, names.domain);
  const stem = place.file.replace(/(\.jsonl|\.ndjson|\.json|\.parquet)$/, '');
  return {
    id: typeof id === 'string' && id !== '' ? id : typeof id === 'number' || typeof id === 'bigint' ? String(id) : `${stem}#${place.number}`,
    text,
    domain: typeof domain === 'string' && domain !== '' ? domain : (spec.domain ?? stem),
  };
}

function formatted(row: Row, format: NonNullable<RowFields['format']>, where: string): string {
  try {
    return formatQa(format, row);
  } catch (error) {
    if (error instanceof SalmonError) throw new SalmonError(error.code, { ...error.parts, where: `${where}, ${error.parts.where ?? ''}` }, { cause: error });
    throw error;
  }
}

function reach(row: Row, path: string): unknown {
  if (path in row) return row[path];
  let value: unknown = row;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Row)[key];
  }
  return value;
}
