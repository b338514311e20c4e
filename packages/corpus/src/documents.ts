import type { Observable } from 'rxjs';
import { fromPull, SalmonError } from '@salmon-sae/dataflow';
import type { Cursor, Document, Pace } from '@salmon-sae/dataflow';
import { openSource } from './sources/open.js';
import { sourceName } from './source.js';
import type { DocumentSource } from './source.js';

export interface DocumentsOptions {
  /** Go on after this position, which a document of the same source carried. */
  readonly from?: Cursor;
  readonly pace?: Pace;
}

/**
 * The documents of a source, in an order that is the same every time; each carries the position after itself.
 *
 * Reads on demand and buffers a line or a chunk of a file (WordNet: its parsed synsets). Throws `no-data` for a source without a single
 * document, `missing-file`, `bad-file` (with file and line) and `bad-config`; `conflict` when `from` belongs to another source.
 *
 * @example
 * documents({ kind: 'wordnet', part: 'medical' }).pipe(split('train', { seed: 0, evalShare: 0.1 }))
 */
export function documents(source: DocumentSource, options: DocumentsOptions = {}): Observable<Document> {
  return fromPull((signal) => checked(source, options.from, signal), options.pace);
}

async function* checked(source: DocumentSource, from: Cursor | undefined, signal: AbortSignal): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  if (from !== undefined && from.source !== name) {
    throw new SalmonError('conflict', { what: 'The position to go on from belongs to another source', where: 'from', expected: name, got: from.source });
  }
  let any = from !== undefined;
  for await (const document of openSource(source, { shard: from?.shard ?? 0, row: from?.row ?? 0 }, signal)) {
    any = true;
    yield document;
  }
  if (!any) throw new SalmonError('no-data', { what: 'The source holds no documents', where: name, todo: 'Check its path and its filters' });
}
