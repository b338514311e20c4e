import { firstValueFrom, of, Subject, take, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { later } from '../test/virtual.js';
import { mapAsync } from './map-async.js';
import { Pace } from './pace.js';

const scheduler = (): TestScheduler => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

describe('mapAsync', () => {
  it('emits each result when it is there, one call at a time', () => {
    const test = scheduler();
    test.run(({ hot, expectObservable }) => {
      const source = hot('  a-b---c----|');
      const expected = '    ---a--b--c-|';
      expectObservable(source.pipe(mapAsync(new Pace(9), (x: string) => later(test, 3, () => x), 1))).toBe(expected);
    });
  });

  it('keeps the order of the items when later ones are done first', () => {
    const test = scheduler();
    const frames: Record<string, number> = { a: 6, b: 1, c: 2 };
    test.run(({ hot, expectObservable }) => {
      const source = hot('  abc|');
      const expected = '    ------(abc|)';
      expectObservable(source.pipe(mapAsync(new Pace(9), (x: string) => later(test, frames[x]!, () => x), 3))).toBe(expected);
    });
  });

  it('runs no more calls than the concurrency', () => {
    const test = scheduler();
    const started: string[] = [];
    test.run(({ hot, expectObservable, flush }) => {
      const source = hot('  (abcd|)');
      const expected = '    -----(ab)-(cd|)';
      const work = (x: string): PromiseLike<string> => {
        started.push(`${x}${test.frame}`);
        return later(test, 5, () => x);
      };
      expectObservable(source.pipe(mapAsync(new Pace(9), work, 2))).toBe(expected);
      flush();
      expect(started).toEqual(['a0', 'b0', 'c5', 'd5']);
    });
  });

  it('reports a failure when its turn comes and starts nothing after it', () => {
    const test = scheduler();
    const started: string[] = [];
    test.run(({ hot, expectObservable, flush }) => {
      const source = hot('  abcd---|');
      const expected = '    -----(a#)';
      const work = (x: string): PromiseLike<string> => {
        started.push(x);
        return later(test, x === 'a' ? 5 : 1, () => {
          if (x === 'b') throw 'error';
          return x;
        });
      };
      expectObservable(source.pipe(mapAsync(new Pace(9), work, 2))).toBe(expected);
      flush();
      expect(started).toEqual(['a', 'b']);
    });
  });

  it('passes an error of the source on at once and a synchronous throw of the function too', () => {
    const test = scheduler();
    test.run(({ hot, expectObservable }) => {
      expectObservable(hot('a-#').pipe(mapAsync(new Pace(9), (x: string) => later(test, 9, () => x)))).toBe('--#');
      const throwing = (): PromiseLike<string> => {
        throw 'error';
      };
      expectObservable(hot('-a|').pipe(mapAsync(new Pace(9), throwing))).toBe('-#');
    });
  });

  it('completes an empty source', () => {
    const test = scheduler();
    test.run(({ cold, expectObservable }) => {
      expectObservable(cold('--|').pipe(mapAsync(new Pace(1), (x: string) => later(test, 1, () => x)))).toBe('--|');
    });
  });

  it('counts waiting, running and finished items in the pace, and gives them all back on unsubscription', async () => {
    const pace = new Pace(10);
    const source = new Subject<number>();
    const release: (() => void)[] = [];
    let aborted = 0;
    const work = (i: number, signal: AbortSignal): Promise<number> => {
      signal.addEventListener('abort', () => aborted++);
      return new Promise((resolve) => release.push(() => resolve(i)));
    };
    const seen: number[] = [];
    const subscription = source.pipe(mapAsync(pace, work, 2)).subscribe((i) => seen.push(i));
    for (let i = 0; i < 5; i++) source.next(i);
    expect(pace.inside).toBe(5);
    release[1]!();
    await Promise.resolve();
    await Promise.resolve();
    expect({ seen, inside: pace.inside }).toEqual({ seen: [], inside: 5 });
    release[0]!();
    await new Promise((resolve) => setImmediate(resolve));
    expect({ seen, inside: pace.inside }).toEqual({ seen: [0, 1], inside: 3 });
    subscription.unsubscribe();
    expect({ inside: pace.inside, aborted }).toEqual({ inside: 0, aborted: 4 });
  });

  it('gives the pace back when the consumer stops in the middle of a drain', async () => {
    const pace = new Pace(10);
    const results = await firstValueFrom(of(1, 2, 3, 4).pipe(mapAsync(pace, (i) => Promise.resolve(i), 4), take(2), toArray()));
    expect({ results, inside: pace.inside }).toEqual({ results: [1, 2], inside: 0 });
  });

  it('refuses a concurrency below 1', () => {
    expect(() => mapAsync(new Pace(1), (x: number) => Promise.resolve(x), 0)).toThrow(expect.objectContaining({ code: 'bad-config' }));
  });
});
