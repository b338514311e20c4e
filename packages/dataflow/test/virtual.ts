import type { SchedulerLike } from 'rxjs';

/** A promise in virtual time: settles after `frames` frames of a test scheduler, so that marble tests can tell when. */
export function later<T>(scheduler: SchedulerLike, frames: number, settle: () => T): PromiseLike<T> {
  return {
    then: (resolve, reject) => {
      scheduler.schedule(() => {
        let value: T;
        try {
          value = settle();
        } catch (error) {
          reject?.(error);
          return;
        }
        resolve?.(value);
      }, frames);
      return undefined as never;
    },
  };
}
