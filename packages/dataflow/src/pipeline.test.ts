import { map, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from '../test/rows.js';
import type { ActivationBatch } from './currency.js';
import { fromPull } from './from-pull.js';
import { mapAsync } from './map-async.js';
import { Pace } from './pace.js';
import { prefetch } from './prefetch.js';
import { rebatch } from './rebatch.js';
import { run } from './run.js';
import { shuffle } from './shuffle.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a whole pipeline', () => {
  it('holds no more batches than its parts say, and loses no row', async () => {
    const pace = new Pace(4);
    let pulled = 0;
    let used = 0;
    let most = 0;
    const source = async function* (): AsyncGenerator<ActivationBatch> {
      for (let i = 0; i < 200; i++) {
        pulled += 8;
        most = Math.max(most, pulled - used);
        if (i % 7 === 0) await turn();
        yield numbered(i * 8, 8);
      }
    };
    const slow = async (batch: ActivationBatch): Promise<ActivationBatch> => {
      await turn();
      return batch;
    };
    const seen: number[] = [];
    const pipeline = fromPull(source, pace).pipe(
      prefetch(pace, 2),
      mapAsync(pace, slow, 2),
      shuffle(64, 7, { batch: 16 }),
      rebatch(24),
      tap((batch) => {
        used += batch.rows;
        seen.push(...numbersOf(batch));
      }),
    );
    await run(pipeline);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 1600 }, (_, i) => i));
    // The reservoir, one batch each of shuffle and rebatch, and the pace's items (and the one being pulled) of 8 rows.
    expect(most).toBeLessThanOrEqual(64 + 16 + 24 + (4 + 1) * 8);
    expect(pace.inside).toBe(0);
  });

  it('stops everywhere when it is cancelled: source closed, calls aborted, pace empty', async () => {
    const pace = new Pace(4);
    const stop = new AbortController();
    let closed = false;
    let aborted = 0;
    const source = async function* (): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    };
    const call = (i: number, signal: AbortSignal): Promise<number> =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted++;
          reject(new Error('aborted'));
        });
        if (i < 5) setImmediate(() => resolve(i));
      });
    const onEvent = (i: number): void => {
      if (i === 4) setImmediate(() => stop.abort());
    };
    await expect(run(fromPull(source, pace).pipe(mapAsync(pace, call, 3), map((i) => i)), { signal: stop.signal, onEvent })).rejects.toMatchObject({ code: 'cancelled' });
    await turn();
    expect({ closed, inside: pace.inside }).toEqual({ closed: true, inside: 0 });
    expect(aborted).toBeGreaterThanOrEqual(3);
  });
});
