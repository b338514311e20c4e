import { Observable } from 'rxjs';
import type { OperatorFunction, SchedulerLike } from 'rxjs';
import { SalmonError } from './errors.js';
import type { Pace } from './pace.js';

export interface PrefetchOptions {
  /** When the next item is handed on; default: in the next turn of the event loop (`setImmediate`). */
  readonly scheduler?: SchedulerLike;
}

/**
 * Reads ahead: holds up to `items` items, so that the source's disk or network reads overlap with the (synchronous) work
 * after this operator. Items are handed on in order, one per turn of the event loop. While it is full the pace keeps the
 * source waiting; what it holds counts in the pace. Reading overlaps with work from 2 items on.
 */
export function prefetch<T>(pace: Pace, items: number, options: PrefetchOptions = {}): OperatorFunction<T, T> {
  if (!Number.isInteger(items) || items < 1) {
    throw new SalmonError('bad-config', { what: 'prefetch needs a number of items to hold', expected: 'a whole number of at least 1', got: String(items) });
  }
  return (source) =>
    new Observable<T>((subscriber) => {
      const queue: T[] = [];
      let release: (() => void) | undefined;
      let completed = false;
      let cancel: (() => void) | undefined;

      const schedule = (): void => {
        if (cancel !== undefined || subscriber.closed) return;
        if (options.scheduler === undefined) {
          const turn = setImmediate(deliver);
          cancel = () => clearImmediate(turn);
        } else {
          const turn = options.scheduler.schedule(deliver);
          cancel = () => turn.unsubscribe();
        }
      };

      const deliver = (): void => {
        cancel = undefined;
        if (subscriber.closed) return;
        if (queue.length > 0) {
          const value = queue.shift() as T;
          pace.leave();
          if (queue.length < items) {
            release?.();
            release = undefined;
          }
          subscriber.next(value);
        }
        if (queue.length > 0) schedule();
        else if (completed) subscriber.complete();
      };

      subscriber.add(() => {
        cancel?.();
        release?.();
        for (; queue.length > 0; queue.pop()) pace.leave();
      });
      subscriber.add(
        source.subscribe({
          next: (value) => {
            queue.push(value);
            pace.enter();
            if (queue.length >= items) release ??= pace.hold();
            schedule();
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            completed = true;
            if (queue.length === 0) subscriber.complete();
          },
        }),
      );
    });
}
