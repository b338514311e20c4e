import type { TokenBatch } from '@salmon-sae/dataflow';
import { Observable } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import type { ExampleBook } from './example-book.js';
import { ExampleCollector } from './example-collector.js';
import type { SaeShape } from './example-collector.js';
import type { CodedTokens, ExampleOptions } from './examples.js';

/** Tokens in their context with the codes that each SAE gave them. */
export interface CodedBatch {
  readonly tokens: TokenBatch;
  /** SAE name -> codes with their positions. */
  readonly coded: Readonly<Record<string, CodedTokens>>;
}

/**
 * Gathers examples of every latent over a whole stream and emits one `ExampleBook` when it ends. Buffers a bounded number
 * of windows per latent; use `ExampleCollector` directly where no stream is at hand.
 */
export function collectExamples(saes: readonly SaeShape[], options: ExampleOptions = {}): OperatorFunction<CodedBatch, ExampleBook> {
  return (source) =>
    new Observable((subscriber) => {
      const collector = new ExampleCollector(saes, options);
      return source.subscribe({
        next: (batch) => {
          try {
            collector.add(batch.tokens, batch.coded);
          } catch (error) {
            subscriber.error(error);
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          subscriber.next(collector.finish());
          subscriber.complete();
        },
      });
    });
}
