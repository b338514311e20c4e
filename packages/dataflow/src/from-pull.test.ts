import { firstValueFrom, map, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { fromPull } from './from-pull.js';
import { mapAsync } from './map-async.js';
import { Pace } from './pace.js';

describe('fromPull', () => {
  it('emits the items of iterables and async iterables, then completes', async () => {
    expect(await firstValueFrom(fromPull(() => [1, 2, 3]).pipe(toArray()))).toEqual([1, 2, 3]);
    const items = async function* (): AsyncGenerator<string> {
      yield 'a';
      yield 'b';
    };
    expect(await firstValueFrom(fromPull(items).pipe(toArray()))).toEqual(['a', 'b']);
  });

  it('pulls an item only after the one before went through all synchronous stages', async () => {
    const events: string[] = [];
    const source = function* (): Generator<number> {
      for (let i = 0; i < 3; i++) {
        events.push(`pull ${i}`);
        yield i;
      }
    };
    await firstValueFrom(fromPull(source).pipe(map((i) => events.push(`use ${i}`)), toArray()));
    expect(events).toEqual(['pull 0', 'use 0', 'pull 1', 'use 1', 'pull 2', 'use 2']);
  });

  it('passes errors of opening and of pulling on', async () => {
    const broken = async function* (): AsyncGenerator<number> {
      yield 1;
      throw new Error('disk gone');
    };
    await expect(firstValueFrom(fromPull(broken).pipe(toArray()))).rejects.toThrow('disk gone');
    const closed = (): Iterable<number> => {
      throw new Error('cannot open');
    };
    await expect(firstValueFrom(fromPull(closed).pipe(toArray()))).rejects.toThrow('cannot open');
  });

  it('aborts the signal and returns the iterator on unsubscription', async () => {
    let closed = false;
    let aborted = false;
    const endless = async function* (signal: AbortSignal): AsyncGenerator<number> {
      signal.addEventListener('abort', () => (aborted = true));
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    };
    expect(await firstValueFrom(fromPull(endless).pipe(take(3), toArray()))).toEqual([0, 1, 2]);
    await new Promise((resolve) => setImmediate(resolve));
    expect({ closed, aborted }).toEqual({ closed: true, aborted: true });
  });

  it('returns the iterator after an error downstream', async () => {
    let closed = false;
    const endless = function* (): Generator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    };
    const failing = fromPull(endless).pipe(
      map((i) => {
        if (i === 2) throw new Error('no use');
        return i;
      }),
    );
    await expect(firstValueFrom(failing.pipe(toArray()))).rejects.toThrow('no use');
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(true);
  });

  it('lets timers run although the source never waits', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const busy = function* (): Generator<number> {
      for (let i = 0; ticks < 2 && i < 5_000_000; i++) yield i;
    };
    await firstValueFrom(fromPull(busy).pipe(map(() => ticks), toArray()));
    clearInterval(timer);
    expect(ticks).toBeGreaterThanOrEqual(2);
  });

  it('never has more items inside asynchronous stages than the pace allows', async () => {
    const pace = new Pace(3);
    let pulled = 0;
    let done = 0;
    let most = 0;
    const source = function* (): Generator<number> {
      for (let i = 0; i < 60; i++) {
        pulled++;
        most = Math.max(most, pulled - done);
        yield i;
      }
    };
    const slow = (i: number): Promise<number> => new Promise((resolve) => setImmediate(() => resolve(i)));
    const result = await firstValueFrom(
      fromPull(source, pace).pipe(
        mapAsync(pace, slow, 2),
        map((i) => {
          done++;
          return i;
        }),
        toArray(),
      ),
    );
    expect(result).toHaveLength(60);
    expect(most).toBeLessThanOrEqual(4);
    expect(pace.inside).toBe(0);
  });
});
