import { SalmonError } from '@salmon-sae/dataflow';

export type Row = Readonly<Record<string, unknown>>;

/** Looks a field up under several spellings, at the top or under `data` (as some hosted copies have it). */
export function field(row: Row, names: readonly string[]): unknown {
  const nested = row['data'];
  const places: Row[] = typeof nested === 'object' && nested !== null && !Array.isArray(nested) ? [row, nested as Row] : [row];
  for (const place of places) {
    for (const name of names) {
      const value = place[name];
      if (value !== undefined && value !== null) return value;
    }
  }
  return undefined;
}

/** A text that must be there. */
export function requiredText(row: Row, names: readonly string[], format: string): string {
  const value = field(row, names);
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  throw new SalmonError('bad-file', {
    what: `A ${format} row lacks ${names[0]!}`,
    where: idOf(row),
    expected: `text under ${names.join(' or ')}`,
    got: value === undefined ? `fields ${Object.keys(row).join(', ')}` : typeof value,
    todo: 'Check that the format fits the data set',
  });
}

/** The option texts, in order: a list, or an object by letter. */
export function options(row: Row, names: readonly string[], format: string): readonly string[] {
  const value = field(row, names);
  const list: unknown[] = Array.isArray(value) ? value : typeof value === 'object' && value !== null ? lettered(value as Row) : [];
  if (list.length > 0 && list.every((item): item is string => typeof item === 'string')) return list;
  throw new SalmonError('bad-file', { what: `A ${format} row lacks its options`, where: idOf(row), expected: `a list or an object of texts under ${names.join(' or ')}`, got: JSON.stringify(value ?? null).slice(0, 80) });
}

function lettered(value: Row): unknown[] {
  return Object.keys(value)
    .sort()
    .map((key) => value[key]);
}

/** The answer's text: given as text, as a letter, or as an index from 0. */
export function answer(row: Row, choices: readonly string[], format: string): string {
  const direct = field(row, ['Correct Answer', 'correct_answer', 'answer_text']);
  if (typeof direct === 'string' && direct.trim() !== '') return direct.trim();
  const mark = field(row, ['Correct Option', 'correct_option', 'answer_idx', 'cop', 'answer', 'label']);
  const index = typeof mark === 'bigint' ? Number(mark) : typeof mark === 'string' && /^[A-Z]$/.test(mark) ? mark.charCodeAt(0) - 65 : mark;
  const text = typeof index === 'number' ? choices[index] : typeof index === 'string' ? index : undefined;
  if (text !== undefined && text.trim() !== '') return text.trim();
  throw new SalmonError('bad-file', { what: `A ${format} row lacks its answer`, where: idOf(row), expected: `an answer among ${choices.length} options`, got: String(mark) });
}

function idOf(row: Row): string {
  const id = row['id'];
  return typeof id === 'string' || typeof id === 'number' ? `row ${id}` : 'row without an id';
}
