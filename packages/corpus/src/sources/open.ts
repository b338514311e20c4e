import type { Document } from '@salmon-sae/dataflow';
import type { DocumentSource } from '../source.js';
import { chain } from './chain.js';
import { dedupe } from './dedupe.js';
import { jsonl } from './jsonl.js';
import { limit } from './limit.js';
import { mix } from './mix.js';
import { parquet } from './parquet.js';
import { text } from './text.js';
import { wordnet } from './wordnet.js';

/** How far into a source reading starts: shard (file or member) and row (line or document) within it. */
export interface Position {
  readonly shard: number;
  readonly row: number;
}

export const START: Position = { shard: 0, row: 0 };

/** Opens any source at a position. Cursors of the documents name this source. */
export function openSource(source: DocumentSource, from: Position, signal: AbortSignal): AsyncIterable<Document> {
  switch (source.kind) {
    case 'wordnet':
      return wordnet(source, from);
    case 'jsonl':
      return jsonl(source, from, signal);
    case 'parquet':
      return parquet(source, from);
    case 'text':
      return text(source, from, signal);
    case 'chain':
      return chain(source, from, signal);
    case 'mix':
      return mix(source, from, signal);
    case 'limit':
      return limit(source, from, signal);
    case 'dedupe':
      return dedupe(source, from, signal);
  }
}
