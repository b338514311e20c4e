import { firstValueFrom, map, Subject, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { fromPull } from './from-pull.js';
import { Pace } from './pace.js';
import { prefetch } from './prefetch.js';

describe('prefetch', () => {
  it('hands items on in order, in a later turn, and completes after the last', () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    test.run(({ hot, expectObservable }) => {
      expectObservable(hot('a--b--|').pipe(prefetch(new Pace(9), 2, { scheduler: test }))).toBe('a--b--|');
      expectObservable(hot('(abc|)').pipe(prefetch(new Pace(9), 4, { scheduler: test }))).toBe('(abc|)');
      expectObservable(hot('a-#').pipe(prefetch(new Pace(9), 2, { scheduler: test }))).toBe('a-#');
      expectObservable(hot('---|').pipe(prefetch(new Pace(9), 2, { scheduler: test }))).toBe('---|');
    });
  });

  it('lets the source read ahead by that many items and no more', async () => {
    const pace = new Pace(100);
    const events: string[] = [];
    const source = async function* (): AsyncGenerator<number> {
      for (let i = 0; i < 6; i++) {
        events.push(`pull ${i}`);
        yield i;
      }
    };
    const used = fromPull(source, pace).pipe(prefetch(pace, 2), map((i) => events.push(`use ${i}`)), toArray());
    await firstValueFrom(used);
    for (let i = 0; i < 6; i++) {
      const ahead = events.slice(0, events.indexOf(`use ${i}`)).filter((event) => event.startsWith('pull')).length - i;
      expect(ahead).toBeLessThanOrEqual(2);
    }
    expect(events.indexOf('pull 1')).toBeLessThan(events.indexOf('use 0'));
    expect(pace.inside).toBe(0);
    expect(pace.hasRoom).toBe(true);
  });

  it('frees the pace on unsubscription', () => {
    const pace = new Pace(4);
    const source = new Subject<number>();
    const subscription = source.pipe(prefetch(pace, 2)).subscribe();
    source.next(1);
    source.next(2);
    expect({ inside: pace.inside, room: pace.hasRoom }).toEqual({ inside: 2, room: false });
    subscription.unsubscribe();
    expect({ inside: pace.inside, room: pace.hasRoom }).toEqual({ inside: 0, room: true });
  });

  it('refuses to hold fewer than one item', () => {
    expect(() => prefetch(new Pace(1), 0)).toThrow(expect.objectContaining({ code: 'bad-config' }));
  });
});
