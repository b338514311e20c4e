import { SalmonError } from '@salmon-sae/dataflow';
import type { Document } from '@salmon-sae/dataflow';
import { baseName, pathsOf, sourceName } from '../source.js';
import type { JsonlSource } from '../source.js';
import { readLines } from './lines.js';
import type { Position } from './open.js';
import { rowDocument } from './row-document.js';

/** Documents of JSON lines files; shard = file, row = lines read. Blank lines are passed over. */
export async function* jsonl(source: JsonlSource, from: Position, signal: AbortSignal): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  for (const [shard, path] of pathsOf(source).entries()) {
    if (shard < from.shard) continue;
    const skip = shard === from.shard ? from.row : 0;
    for await (const line of readLines(path, signal)) {
      if (line.number <= skip || line.text.trim() === '') continue;
      const where = `${path}, line ${line.number}`;
      const row = parseRow(line.text, where);
      yield { ...rowDocument(row, source, { where, file: baseName(path), number: line.number }), cursor: { source: name, shard, row: line.number } };
    }
  }
}

function parseRow(text: string, where: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SalmonError('bad-file', { what: 'This line is not JSON', where, expected: 'one JSON object a line', got: `${text.slice(0, 60)}${text.length > 60 ? '...' : ''}`, todo: 'Mend or remove the line' }, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SalmonError('bad-file', { what: 'This line is not a JSON object', where, expected: 'one JSON object a line', got: text.slice(0, 60) });
}
