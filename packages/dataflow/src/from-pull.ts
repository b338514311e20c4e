import { Observable } from 'rxjs';
import type { Pace } from './pace.js';

/** How long the pump may keep the event loop to itself, in ms: timers, I/O and Ctrl-C get a turn this often. */
const TURN_MS = 10;

/**
 * A source that is pulled: emits the items of an async iterable, one at a time, as fast as the stages after it make room.
 *
 * `open` is called once per subscription with a signal that aborts on unsubscription; the iterator's `return()` is called
 * then too (and after an error downstream), without waiting for a pull that is under way. Buffers nothing. Errors of the
 * iterable become errors of the observable.
 *
 * @example
 * const pace = new Pace(8);
 * fromPull(() => readLines('corpus.jsonl'), pace).pipe(mapAsync(pace, fetchLabel, 4))
 */
export function fromPull<T>(open: (signal: AbortSignal) => AsyncIterable<T> | Iterable<T>, pace?: Pace): Observable<T> {
  return new Observable<T>((subscriber) => {
    const stop = new AbortController();
    let iterator: AsyncIterator<T> | Iterator<T> | undefined;
    let finished = false;

    const pump = async (): Promise<void> => {
      let turn = performance.now();
      iterator = iteratorOf(open(stop.signal));
      while (!stop.signal.aborted) {
        if (pace !== undefined && !pace.hasRoom) {
          await pace.room(stop.signal);
          if (stop.signal.aborted) return;
        }
        const step = await iterator.next();
        if (step.done === true) {
          finished = true;
          return;
        }
        if (stop.signal.aborted) return;
        subscriber.next(step.value);
        if (performance.now() - turn >= TURN_MS) {
          await new Promise((resolve) => setImmediate(resolve));
          turn = performance.now();
        }
      }
    };

    pump().then(
      () => subscriber.complete(),
      (error: unknown) => {
        finished = true;
        subscriber.error(error);
      },
    );

    return () => {
      stop.abort();
      if (finished || iterator?.return === undefined) return;
      // Nobody is left to tell about an error while closing.
      void Promise.resolve(iterator.return()).catch(() => undefined);
    };
  });
}

function iteratorOf<T>(iterable: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
}
