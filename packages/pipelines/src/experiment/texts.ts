import { documents, split, tokenize } from '@salmon-sae/corpus';
import type { Pace, TokenBatch } from '@salmon-sae/dataflow';
import { run as runToEnd, SalmonError } from '@salmon-sae/dataflow';
import type { Observable } from 'rxjs';
import { Observable as RxObservable } from 'rxjs';
import type { CorpusConfig } from './config.js';
import type { Session } from './session.js';

export type Part = 'train' | 'eval';

/**
 * Token rows of one side of a text: one document a row (arXiv 2508.09363), rows sorted by length within a window so that
 * little is padding. With an `evalSource`, the two sides are two texts; otherwise the split is by hash of the document id. With a `pace`,
 * reading waits while a later asynchronous stage is full.
 */
export function tokenStream(session: Session, corpus: CorpusConfig, part: Part, pace?: Pace): Observable<TokenBatch> {
  const { config, model } = session;
  const waiting = pace === undefined ? {} : { pace };
  const frame = { context: config.model.context, packing: 'document', batchRows: config.model.batchRows, bucket: true } as const;
  if (corpus.evalSource !== undefined) {
    return documents(part === 'eval' ? corpus.evalSource : corpus.source, waiting).pipe(tokenize(model.tokenizer, frame));
  }
  return documents(corpus.source, waiting).pipe(split(part, config.split), tokenize(model.tokenizer, frame));
}

/** Passes batches on until they hold `budget` ordinary tokens; the last batch is passed whole. */
export function upTo(budget: number): (source: Observable<TokenBatch>) => Observable<TokenBatch> {
  return (source) =>
    new RxObservable((subscriber) => {
      let tokens = 0;
      return source.subscribe({
        next: (batch) => {
          if (tokens >= budget) return;
          tokens += ordinaryTokens(batch);
          subscriber.next(batch);
          if (tokens >= budget) subscriber.complete();
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}

/** The first batches that hold `budget` ordinary tokens together. */
export function firstRows(batches: readonly TokenBatch[], budget: number): readonly TokenBatch[] {
  let tokens = 0;
  return batches.filter((batch) => {
    const wanted = tokens < budget;
    tokens += ordinaryTokens(batch);
    return wanted;
  });
}

/** Tokens that are neither padding nor special. */
export function ordinaryTokens(batch: TokenBatch): number {
  let n = 0;
  for (let i = 0; i < batch.mask.length; i++) if (batch.mask[i] === 1 && batch.special[i] === 0) n += 1;
  return n;
}

/** The held-out rows of a text, in memory: evaluation texts are small. */
export async function heldOut(session: Session, corpus: CorpusConfig, budget: number): Promise<readonly TokenBatch[]> {
  const batches: TokenBatch[] = [];
  await runToEnd(tokenStream(session, corpus, 'eval').pipe(upTo(budget)), {
    onEvent: (batch) => void batches.push(batch),
    ...(session.signal === undefined ? {} : { signal: session.signal }),
  });
  if (batches.length === 0) {
    throw new SalmonError('no-data', {
      what: 'The text has no held-out documents',
      where: corpus.name,
      todo: 'Use a larger text or a larger split.evalShare',
    });
  }
  return batches;
}
