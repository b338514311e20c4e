import fc from 'fast-check';
import { firstValueFrom, map, of, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from '../test/rows.js';
import type { ActivationBatch } from './currency.js';
import { rebatch } from './rebatch.js';

const cut = (batches: readonly ActivationBatch[], rows: number, last: 'emit' | 'drop' = 'emit'): Promise<ActivationBatch[]> =>
  firstValueFrom(of(...batches).pipe(rebatch(rows, { last }), toArray()));

/** Batches of the given sizes, rows numbered through. */
function stream(sizes: readonly number[], target = false): ActivationBatch[] {
  let first = 0;
  return sizes.map((rows) => numbered((first += rows) - rows, rows, { target }));
}

describe('rebatch', () => {
  it('emits as soon as a batch is full, and the rest at the end', () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    test.run(({ hot, expectObservable }) => {
      const values = { a: numbered(0, 3), b: numbered(3, 3), c: numbered(6, 7) };
      const source = hot('a-b-c----|', values);
      const expected = '  --x-(yz)-(w|)';
      const numbers = { x: '0,1,2,3', y: '4,5,6,7', z: '8,9,10,11', w: '12' };
      expectObservable(source.pipe(rebatch(4), map((batch) => numbersOf(batch).join()))).toBe(expected, numbers);
      const dropped = hot('a-b-c----|', values).pipe(rebatch(4, { last: 'drop' }), map((batch) => numbersOf(batch).join()));
      expectObservable(dropped).toBe('--x-(yz)-|', numbers);
      expectObservable(hot('a-#', values).pipe(rebatch(4))).toBe('--#');
      expectObservable(hot<ActivationBatch>('--|').pipe(rebatch(4))).toBe('--|');
    });
  });

  it('keeps every row, its target and its origin, for any sizes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }), fc.integer({ min: 1, max: 11 }), fc.boolean(), async (sizes, rows, target) => {
        const batches = stream(sizes, target);
        const result = await cut(batches, rows);
        const total = sizes.reduce((sum, size) => sum + size, 0);
        expect(result.flatMap((batch) => numbersOf(batch))).toEqual(Array.from({ length: total }, (_, i) => i));
        expect(result.slice(0, -1).every((batch) => batch.rows === rows)).toBe(true);
        expect(result.every((batch) => (batch.target !== undefined) === target && batch.values.length === batch.rows * 3)).toBe(true);
        for (const batch of result) expect(new Set(batch.origin.docs).size).toBe(batch.origin.docs.length);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('names only the documents of its own rows, and carries the cursor of the last input batch used', async () => {
    const result = await cut(stream([6, 6]), 4);
    expect(result.map((batch) => batch.origin.docs)).toEqual([['d0'], ['d1'], ['d2']]);
    expect(result.map((batch) => batch.cursor.row)).toEqual([6, 12, 12]);
  });

  it('passes a batch that fits on as it is', async () => {
    const batches = stream([4, 4]);
    const result = await cut(batches, 4);
    expect(result[0]).toBe(batches[0]);
    expect(result[1]).toBe(batches[1]);
  });

  it('keeps rows that belong to no document', async () => {
    const batch = numbered(0, 2);
    const orphan = { ...batch, origin: { ...batch.origin, doc: Int32Array.of(-1, 0) } };
    const [only] = await cut([orphan], 5);
    expect([...only!.origin.doc]).toEqual([-1, 0]);
    expect(only!.origin.docs).toEqual(['d0']);
  });

  it('refuses batches of another site or width, and ones whose arrays do not fit', async () => {
    await expect(cut([numbered(0, 3), numbered(3, 3, { width: 5 })], 4)).rejects.toMatchObject({ code: 'bad-shape' });
    await expect(cut([numbered(0, 3), numbered(3, 3, { target: true })], 4)).rejects.toMatchObject({ code: 'bad-shape' });
    const other = { ...numbered(3, 3), site: { model: 'm', hook: 'mlp_out.0', width: 3 } };
    await expect(cut([numbered(0, 3), other], 4)).rejects.toMatchObject({ code: 'bad-shape' });
    await expect(cut([{ ...numbered(0, 3), values: new Float32Array(8) }], 4)).rejects.toMatchObject({ code: 'bad-shape' });
    expect(() => rebatch(0)).toThrow(expect.objectContaining({ code: 'bad-config' }));
  });
});
