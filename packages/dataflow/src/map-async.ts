import { Observable } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import { SalmonError } from './errors.js';
import type { Pace } from './pace.js';

interface Slot<R> {
  state: 'running' | 'done' | 'failed';
  value?: R;
  error?: unknown;
}

/**
 * Applies an asynchronous function to each item, at most `concurrency` calls at a time, results in the order of the items.
 *
 * An item counts in the pace from its arrival until its result has been emitted, so what waits here (arrived, running, or
 * finished behind a slower one) is bounded by the pace's limit as long as the source honours the pace. A failure is
 * reported when its turn comes: results before it are emitted first, nothing after it is started once it is known.
 * The signal given to `fn` aborts on unsubscription and on failure.
 */
export function mapAsync<T, R>(
  pace: Pace,
  fn: (value: T, signal: AbortSignal) => PromiseLike<R>,
  concurrency = 1,
): OperatorFunction<T, R> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new SalmonError('bad-config', { what: 'mapAsync needs a concurrency', expected: 'a whole number of at least 1', got: String(concurrency) });
  }
  return (source) =>
    new Observable<R>((subscriber) => {
      const stop = new AbortController();
      const waiting: T[] = [];
      const slots: Slot<R>[] = [];
      let running = 0;
      let inside = 0;
      let completed = false;
      let failed = false;
      let draining = false;

      const start = (value: T): void => {
        const slot: Slot<R> = { state: 'running' };
        slots.push(slot);
        running++;
        const settle = (state: 'done' | 'failed', result: { value?: R; error?: unknown }): void => {
          running--;
          Object.assign(slot, { state }, result);
          if (state === 'failed') failed = true;
          if (!subscriber.closed) drain();
        };
        let promise: PromiseLike<R>;
        try {
          promise = fn(value, stop.signal);
        } catch (error) {
          settle('failed', { error });
          return;
        }
        promise.then(
          (result) => settle('done', { value: result }),
          (error: unknown) => settle('failed', { error }),
        );
      };

      const drain = (): void => {
        if (draining) return;
        draining = true;
        let head = slots[0];
        while (head !== undefined && head.state !== 'running' && !subscriber.closed) {
          slots.shift();
          if (head.state === 'failed') {
            subscriber.error(head.error);
            return;
          }
          inside--;
          pace.leave();
          subscriber.next(head.value as R);
          head = slots[0];
        }
        draining = false;
        if (subscriber.closed) return;
        while (!failed && running < concurrency && waiting.length > 0) start(waiting.shift() as T);
        if (completed && slots.length === 0 && waiting.length === 0) subscriber.complete();
        else if (slots[0] !== undefined && slots[0].state !== 'running') drain();
      };

      subscriber.add(() => {
        stop.abort();
        for (; inside > 0; inside--) pace.leave();
        waiting.length = 0;
        slots.length = 0;
      });
      subscriber.add(
        source.subscribe({
          next: (value) => {
            inside++;
            pace.enter();
            waiting.push(value);
            drain();
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            completed = true;
            drain();
          },
        }),
      );
    });
}
