import type { SchedulerLike } from 'rxjs';
/** A promise in virtual time: settles after `frames` frames of a test scheduler, so that marble tests can tell when. */
export declare function later<T>(scheduler: SchedulerLike, frames: number, settle: () => T): PromiseLike<T>;
//# sourceMappingURL=virtual.d.ts.map