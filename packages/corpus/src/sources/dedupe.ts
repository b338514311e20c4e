import type { Document } from '@salmon-sae/dataflow';
import { Deduplicator } from '../deduplicator.js';
import { sourceName } from '../source.js';
import type { DedupeSource } from '../source.js';
import { openSource, START } from './open.js';
import type { Position } from './open.js';

/** A source without repeats; row = documents given out. Going on from a position reads the earlier documents again, to know them. */
export async function* dedupe(source: DedupeSource, from: Position, signal: AbortSignal): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  const seen = new Deduplicator(source.near === undefined ? {} : { near: source.near });
  let row = 0;
  for await (const document of openSource(source.source, START, signal)) {
    if (seen.check(document.text) !== 'new') continue;
    row++;
    if (row > from.row) yield { ...document, cursor: { source: name, shard: 0, row } };
  }
}
