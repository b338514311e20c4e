import type { Document } from '@salmon-sae/dataflow';
import { sourceName } from '../source.js';
import type { LimitSource } from '../source.js';
import { openSource, START } from './open.js';
import type { Position } from './open.js';

/** The first documents of a source; row = documents read. */
export async function* limit(source: LimitSource, from: Position, signal: AbortSignal): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  let row = 0;
  if (from.row >= source.documents) return;
  for await (const document of openSource(source.source, START, signal)) {
    row++;
    if (row > from.row) yield { ...document, cursor: { source: name, shard: 0, row } };
    if (row >= source.documents) return;
  }
}
