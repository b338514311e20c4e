import { Observable } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import type { ActivationBatch, Cursor } from './currency.js';
import { SalmonError } from './errors.js';
import { layoutOf, RowBlock, sameLayout } from './row-block.js';
import type { RowLayout } from './row-block.js';

export interface RebatchOptions {
  /** The rows left at the end, fewer than a batch: emitted (default) or dropped. */
  readonly last?: 'emit' | 'drop';
}

/**
 * Cuts and merges activation batches into batches of exactly `rows` rows, in order; targets and origins travel along.
 *
 * Buffers fewer than `rows` rows. A batch that already fits is passed on as it is. The cursor of an emitted batch is that of
 * the last input batch it took rows from: where such an input was cut, rows of it are still to come, so that a resumed run
 * has to replay from an earlier cursor and skip. Throws `bad-shape` when batches of one stream differ in site or widths.
 */
export function rebatch(rows: number, options: RebatchOptions = {}): OperatorFunction<ActivationBatch, ActivationBatch> {
  if (!Number.isInteger(rows) || rows < 1) {
    throw new SalmonError('bad-config', { what: 'rebatch needs a batch size', expected: 'a whole number of at least 1', got: String(rows) });
  }
  return (source) =>
    new Observable<ActivationBatch>((subscriber) => {
      let layout: RowLayout | undefined;
      let block: RowBlock | undefined;
      let filled = 0;
      let cursor: Cursor | undefined;

      const take = (batch: ActivationBatch): void => {
        if (batch.rows === 0) return;
        if (layout === undefined) layout = layoutOf(batch);
        else sameLayout(batch, layout);
        cursor = batch.cursor;
        if (batch.rows === rows && filled === 0) {
          subscriber.next(batch);
          return;
        }
        let from = 0;
        while (from < batch.rows && !subscriber.closed) {
          block ??= new RowBlock(layout, rows);
          const entries = block.table.entries(batch.origin);
          const until = Math.min(batch.rows, from + rows - filled);
          while (from < until) block.put(filled++, batch, from++, entries);
          block.table.settle(entries);
          if (filled === rows) flush(batch.cursor);
        }
      };

      const flush = (at: Cursor): void => {
        const full = block;
        const count = filled;
        block = undefined;
        filled = 0;
        if (full !== undefined && count > 0) subscriber.next(full.batch(count, at));
      };

      return source.subscribe({
        next: (batch) => {
          try {
            take(batch);
          } catch (error) {
            subscriber.error(error);
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          if (options.last !== 'drop' && cursor !== undefined) flush(cursor);
          subscriber.complete();
        },
      });
    });
}
