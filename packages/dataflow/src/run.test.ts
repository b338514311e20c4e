import { concat, EMPTY, NEVER, of, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { fromPull } from './from-pull.js';
import { run } from './run.js';

describe('run', () => {
  it('resolves with the last value and tells every event', async () => {
    const events: number[] = [];
    expect(await run(of(1, 2, 3), { onEvent: (i) => events.push(i) })).toBe(3);
    expect(events).toEqual([1, 2, 3]);
    expect(await run(EMPTY)).toBeUndefined();
  });

  it('rejects with the error of the pipeline or of onEvent, and unsubscribes', async () => {
    await expect(run(throwError(() => new Error('no')))).rejects.toThrow('no');
    let closed = false;
    const endless = function* (): Generator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    };
    const events: number[] = [];
    const onEvent = (i: number): void => {
      events.push(i);
      if (i === 2) throw new Error('enough');
    };
    await expect(run(fromPull(endless), { onEvent })).rejects.toThrow('enough');
    await new Promise((resolve) => setImmediate(resolve));
    expect({ events, closed }).toEqual({ events: [0, 1, 2], closed: true });
  });

  it('rejects with cancelled when aborted, before or during the run, synchronous pipelines too', async () => {
    await expect(run(of(1), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    const during = new AbortController();
    timer(1).subscribe(() => during.abort());
    await expect(run(NEVER, { signal: during.signal })).rejects.toMatchObject({ code: 'cancelled' });
    const early = new AbortController();
    const seen: number[] = [];
    const stop = (i: number): void => {
      seen.push(i);
      if (i === 2) early.abort();
    };
    await expect(run(concat(of(1, 2, 3, 4), NEVER), { signal: early.signal, onEvent: stop })).rejects.toMatchObject({ code: 'cancelled' });
    expect(seen).toEqual([1, 2]);
  });
});
