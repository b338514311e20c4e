import { SalmonError } from './errors.js';

/**
 * Counts the items that are inside asynchronous stages of one pipeline, so that its sources can wait for room.
 *
 * Synchronous operators need none of this: RxJS runs them in lock-step with the source. Give one `Pace` to the source
 * (`fromPull`) and to every asynchronous stage after it (`mapAsync`, `prefetch`).
 */
export class Pace {
  private count = 0;
  private holds = 0;
  private waiting: (() => void)[] = [];

  constructor(readonly limit: number) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new SalmonError('bad-config', { what: 'A pace needs a limit', where: 'Pace', expected: 'a whole number of at least 1', got: String(limit) });
    }
  }

  /** Items inside asynchronous stages now. */
  get inside(): number {
    return this.count;
  }

  get hasRoom(): boolean {
    return this.holds === 0 && this.count < this.limit;
  }

  enter(): void {
    this.count++;
  }

  leave(): void {
    if (this.count === 0) throw new SalmonError('conflict', { what: 'An item left a pace that holds none', where: 'Pace.leave' });
    this.count--;
    this.wake();
  }

  /** Keeps sources waiting, room or not, until the function returned is called (calling it twice does no harm). */
  hold(): () => void {
    this.holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.holds--;
      this.wake();
    };
  }

  /** Resolves when there is room, or when the signal aborts (the caller looks at the signal). */
  async room(signal?: AbortSignal): Promise<void> {
    while (!this.hasRoom && signal?.aborted !== true) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal?.removeEventListener('abort', done);
          resolve();
        };
        this.waiting.push(done);
        signal?.addEventListener('abort', done, { once: true });
      });
    }
  }

  private wake(): void {
    if (!this.hasRoom || this.waiting.length === 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
