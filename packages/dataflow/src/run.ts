import { Subject, takeUntil } from 'rxjs';
import type { Observable } from 'rxjs';
import { SalmonError } from './errors.js';

export interface RunOptions<T> {
  /** Aborting unsubscribes (which cancels every stage and frees what it holds) and rejects with `cancelled`. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: T) => void;
}

/**
 * Runs a pipeline to its end and resolves with its last value (undefined when it was empty).
 *
 * Rejects with the pipeline's error, with what `onEvent` throws, or with `SalmonError('cancelled')`.
 */
export function run<T>(pipeline: Observable<T>, options: RunOptions<T> = {}): Promise<T | undefined> {
  const { signal, onEvent } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(cancelled(signal));
      return;
    }
    // A subject, because a synchronous pipeline runs before `subscribe` returns anything to unsubscribe.
    const stop = new Subject<void>();
    let last: T | undefined;
    let settled = false;
    const settle = (how: () => void): void => {
      if (settled) return;
      settled = true;
      signal?.removeEventListener('abort', abort);
      stop.next();
      how();
    };
    const abort = (): void => settle(() => reject(cancelled(signal)));
    signal?.addEventListener('abort', abort, { once: true });
    pipeline.pipe(takeUntil(stop)).subscribe({
      next: (value) => {
        last = value;
        try {
          onEvent?.(value);
        } catch (error) {
          settle(() => reject(error));
        }
      },
      error: (error: unknown) => settle(() => reject(error)),
      complete: () => settle(() => resolve(last)),
    });
  });
}

function cancelled(signal: AbortSignal | undefined): SalmonError {
  return new SalmonError('cancelled', { what: 'The run was cancelled' }, { cause: signal?.reason });
}
