import { Observable } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import type { ActivationBatch, Cursor } from './currency.js';
import { SalmonError } from './errors.js';
import { random } from './random.js';
import { layoutOf, RowBlock, sameLayout } from './row-block.js';
import type { RowLayout } from './row-block.js';

export interface ShuffleOptions {
  /** Rows of each emitted batch (default 2048). */
  readonly batch?: number;
  /**
   * Rows that an interrupted run already emitted: the stream is given again from its beginning, and this many rows are drawn
   * again but not emitted, after which the run goes on exactly as the uninterrupted one.
   */
  readonly emitted?: number;
}

export const SHUFFLE_DEFAULTS = { batch: 2048 } as const;

/**
 * Mixes rows through a reservoir of `rows` rows: once it is full, each row that arrives takes the place of a random one, which is
 * emitted; at the end the rest comes out in random order. Every input row is emitted exactly once.
 *
 * Buffers `rows` rows (values, target, 12 bytes of origin each, and the names of their documents) plus one output batch.
 * Draws depend on the seed and the number of rows alone, so equal streams give equal batches however their input is cut,
 * and a resumed run replays (see `emitted`). The cursor of an emitted batch is that of the newest input batch, which is
 * ahead of most of the batch's rows. Throws `bad-shape` when batches of one stream differ in site or widths.
 */
export function shuffle(rows: number, seed: number, options: ShuffleOptions = {}): OperatorFunction<ActivationBatch, ActivationBatch> {
  const size = options.batch ?? SHUFFLE_DEFAULTS.batch;
  for (const [name, value] of Object.entries({ rows, batch: size })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new SalmonError('bad-config', { what: 'shuffle needs whole sizes', where: name, expected: 'a whole number of at least 1', got: String(value) });
  }
  return (source) =>
    new Observable<ActivationBatch>((subscriber) => {
      const draw = random(seed, 'shuffle');
      let skip = options.emitted ?? 0;
      let layout: RowLayout | undefined;
      let reservoir: RowBlock | undefined;
      let held = 0;
      let out: RowBlock | undefined;
      let ready = 0;
      let cursor: Cursor | undefined;

      const emit = (slot: number): void => {
        if (reservoir === undefined) return;
        if (skip > 0) {
          skip--;
          reservoir.table.take(reservoir.doc.slice(slot, slot + 1));
          return;
        }
        out ??= new RowBlock(reservoir.layout, size, reservoir.table);
        reservoir.move(slot, out, ready++);
        if (ready === size) flush();
      };

      const flush = (): void => {
        const full = out;
        const count = ready;
        out = undefined;
        ready = 0;
        if (full !== undefined && cursor !== undefined && count > 0) subscriber.next(full.batch(count, cursor));
      };

      const take = (batch: ActivationBatch): void => {
        if (batch.rows === 0) return;
        if (layout === undefined) layout = layoutOf(batch);
        else sameLayout(batch, layout);
        cursor = batch.cursor;
        const pool = (reservoir ??= new RowBlock(layout, rows));
        const entries = pool.table.entries(batch.origin);
        // Held for the whole batch: flushing in the middle must not forget a document whose rows are still to come.
        for (const entry of entries) pool.table.hold(entry);
        for (let row = 0; row < batch.rows && !subscriber.closed; row++) {
          let slot = held;
          if (held < rows) held++;
          else {
            slot = draw.below(rows);
            emit(slot);
          }
          pool.put(slot, batch, row, entries);
        }
        pool.table.take(entries);
      };

      const drain = (): void => {
        const order = new Int32Array(held);
        for (let i = 0; i < held; i++) order[i] = i;
        draw.shuffle(order);
        for (let i = 0; i < held && !subscriber.closed; i++) emit(order[i]!);
        flush();
      };

      const guard = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          subscriber.error(error);
        }
      };

      subscriber.add(() => {
        reservoir = undefined;
        out = undefined;
      });
      subscriber.add(
        source.subscribe({
          next: (batch) => guard(() => take(batch)),
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            guard(drain);
            subscriber.complete();
          },
        }),
      );
    });
}
