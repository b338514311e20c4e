import type { Document } from '@salmon-sae/dataflow';
import { sourceName } from '../source.js';
import type { ChainSource } from '../source.js';
import { openSource, START } from './open.js';
import type { Position } from './open.js';

/** One source after the other; shard = source, row = documents read of it. */
export async function* chain(source: ChainSource, from: Position, signal: AbortSignal): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  for (const [shard, part] of source.sources.entries()) {
    if (shard < from.shard) continue;
    const skip = shard === from.shard ? from.row : 0;
    let row = 0;
    for await (const document of openSource(part, START, signal)) {
      row++;
      if (row > skip) yield { ...document, cursor: { source: name, shard, row } };
    }
  }
}
