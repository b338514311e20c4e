import { firstValueFrom, from, map, take, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from '../test/rows.js';
import type { ActivationBatch } from './currency.js';
import { documentEntropy } from './document-entropy.js';
import { shuffle } from './shuffle.js';
import type { ShuffleOptions } from './shuffle.js';

function* stream(total: number, size: number, target = false): Generator<ActivationBatch> {
  for (let first = 0; first < total; first += size) yield numbered(first, Math.min(size, total - first), { target });
}

const mixed = (batches: Iterable<ActivationBatch>, rows: number, seed: number, options: ShuffleOptions = {}): Promise<ActivationBatch[]> =>
  firstValueFrom(from(batches).pipe(shuffle(rows, seed, options), toArray()));

const numbers = (batches: readonly ActivationBatch[]): number[] => batches.flatMap((batch) => numbersOf(batch));

describe('shuffle', () => {
  it('emits nothing until the reservoir is full, then as many rows as come in, and the rest at the end', () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    test.run(({ hot, expectObservable }) => {
      const values = { a: numbered(0, 4), b: numbered(4, 4), c: numbered(8, 4), d: numbered(12, 2) };
      const source = hot('a-b-c-d--|', values);
      const expected = '  ----x----(xxz|)';
      expectObservable(source.pipe(shuffle(8, 1, { batch: 4 }), map((batch) => batch.rows))).toBe(expected, { x: 4, z: 2 });
      expectObservable(hot('a-#', values).pipe(shuffle(8, 1))).toBe('--#');
      expectObservable(hot<ActivationBatch>('--|').pipe(shuffle(8, 1))).toBe('--|');
    });
  });

  it('emits every row once with its target and origin, in another order', async () => {
    const result = numbers(await mixed(stream(1000, 37, true), 100, 5, { batch: 64 }));
    expect([...result].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    const inPlace = result.filter((n, i) => n === i).length;
    expect(inPlace).toBeLessThan(30);
  });

  it('depends on the seed and not on how the input is cut', async () => {
    const one = numbers(await mixed(stream(300, 7), 50, 9, { batch: 16 }));
    const other = numbers(await mixed(stream(300, 100), 50, 9, { batch: 64 }));
    expect(other).toEqual(one);
    expect(numbers(await mixed(stream(300, 7), 50, 10))).not.toEqual(one);
  });

  it('mixes as well as the reservoir is large: documents per batch', async () => {
    const entropyOf = async (rows: number): Promise<number> => {
      const batches = await mixed(stream(4096, 64), rows, 3, { batch: 128 });
      return batches.reduce((sum, batch) => sum + documentEntropy(batch), 0) / batches.length;
    };
    const [none, little, much] = [await entropyOf(1), await entropyOf(64), await entropyOf(2048)];
    expect(none).toBeCloseTo(5, 1);
    expect(little).toBeGreaterThan(none);
    expect(much).toBeGreaterThan(6.5);
  });

  it('leaves each slot equally likely: the mean delay of a row is the reservoir size', async () => {
    const result = numbers(await mixed(stream(60_000, 500), 200, 11, { batch: 500 }));
    let delay = 0;
    let count = 0;
    result.forEach((n, i) => {
      if (n < 50_000) {
        delay += i + 200 - n;
        count++;
      }
    });
    // Draws are geometric with mean 200; the mean of 50,000 of them has a standard error below 1.
    expect(delay / count).toBeGreaterThan(194);
    expect(delay / count).toBeLessThan(206);
  });

  it('goes on exactly where an interrupted run stopped, in the stream and in the drain at its end', async () => {
    const whole = await mixed(stream(500, 30), 64, 2, { batch: 32 });
    for (const done of [1, 7, 14]) {
      const rest = await mixed(stream(500, 30), 64, 2, { batch: 32, emitted: done * 32 });
      expect(rest.map((batch) => [...batch.values])).toEqual(whole.slice(done).map((batch) => [...batch.values]));
      expect(rest.map((batch) => batch.origin)).toEqual(whole.slice(done).map((batch) => batch.origin));
    }
  });

  it('stops in the middle of an input batch when the consumer has enough', async () => {
    const first = await firstValueFrom(from(stream(400, 400)).pipe(shuffle(10, 1, { batch: 20 }), take(2), toArray()));
    expect(first.map((batch) => batch.rows)).toEqual([20, 20]);
  });

  it('refuses sizes below 1 and streams of mixed layout', async () => {
    expect(() => shuffle(0, 1)).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(() => shuffle(5, 1, { batch: 0.5 })).toThrow(expect.objectContaining({ code: 'bad-config' }));
    await expect(mixed([numbered(0, 3), numbered(3, 3, { width: 5 })], 4, 1)).rejects.toMatchObject({ code: 'bad-shape' });
  });
});
