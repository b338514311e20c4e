import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSalmonError } from '../errors.js';
import { bytesSource, encodeSafetensors, openSafetensors } from './index.js';

const tensors = {
  W_enc: { shape: [3, 4], data: Float32Array.from({ length: 12 }, (_, i) => i - 5.5) },
  b_enc: { shape: [4], data: Float32Array.from([1, 2, 3, 4]) },
  ids: { shape: [2, 2], data: Int32Array.from([1, 2, 3, 4]) },
};
const valid = encodeSafetensors(tensors, { dtype: { b_enc: 'BF16' }, metadata: { format: 'pt' } });
const headerEnd = 8 + Number(new DataView(valid.buffer).getBigUint64(0, true));

/** Reads everything; an invalid file must end in a SalmonError, a valid one in arrays that fit their shapes. */
async function readAll(bytes: Uint8Array): Promise<'refused' | 'read'> {
  try {
    const reader = await openSafetensors(bytesSource(bytes));
    let total = 0;
    for (const name of reader.names) {
      const { dtype, shape } = reader.info(name);
      const array = await reader.read(name);
      expect(array.shape).toEqual(shape);
      expect(array.data.length).toBe(shape.reduce((a, b) => a * b, 1));
      if (dtype !== 'BOOL') total += array.data.length;
    }
    expect(total).toBeLessThanOrEqual(bytes.length);
    return 'read';
  } catch (error) {
    if (!isSalmonError(error)) throw error;
    return 'refused';
  }
}

interface Mutation {
  readonly at: number;
  readonly remove: number;
  readonly insert: readonly number[];
}

function mutate(bytes: Uint8Array, { at, remove, insert }: Mutation): Uint8Array {
  const from = Math.min(at, bytes.length);
  return Uint8Array.from([...bytes.subarray(0, from), ...insert, ...bytes.subarray(from + remove)]);
}

describe('fuzzing the reader', () => {
  it('survives byte edits anywhere in the length and the header', async () => {
    const edit = fc.record({
      at: fc.nat({ max: headerEnd }),
      remove: fc.nat({ max: 4 }),
      insert: fc.oneof(fc.array(fc.nat({ max: 255 }), { maxLength: 4 }), fc.constantFrom(...['0', '1', '9', ',', '"', '{', '}', '[', '-', 'e9'].map((s) => [...Buffer.from(s)]))),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        await readAll(edits.reduce(mutate, valid));
      }),
      { numRuns: 4000, seed: 11 },
    );
  });

  it('refuses every truncation and every extension', async () => {
    for (let length = 0; length < valid.length; length++) expect(await readAll(valid.subarray(0, length))).toBe('refused');
    expect(await readAll(mutate(valid, { at: valid.length, remove: 0, insert: [0] }))).toBe('refused');
    expect(await readAll(valid)).toBe('read');
  });

  it('survives headers of the right form with arbitrary contents', async () => {
    const entry = fc.record({
      dtype: fc.constantFrom('F32', 'BF16', 'I64', 'U8', 'F64', 'Q4', ''),
      shape: fc.array(fc.oneof(fc.nat({ max: 4 }), fc.maxSafeInteger(), fc.double()), { maxLength: 3 }),
      data_offsets: fc.array(fc.oneof(fc.nat({ max: 64 }), fc.maxSafeInteger()), { maxLength: 3 }),
    });
    const header = fc.dictionary(fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('__proto__', '__metadata__', 'a')), fc.oneof(entry, fc.jsonValue()), { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(header, fc.nat({ max: 64 }), async (json, dataBytes) => {
        const text = new TextEncoder().encode(JSON.stringify(json));
        const bytes = new Uint8Array(8 + text.length + dataBytes);
        new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
        bytes.set(text, 8);
        await readAll(bytes);
      }),
      { numRuns: 4000, seed: 12 },
    );
  });

  it('round-trips arbitrary tensors bit for bit', async () => {
    const tensor = fc.array(fc.nat({ max: 4 }), { maxLength: 3 }).chain((shape) => {
      const count = shape.reduce((a, b) => a * b, 1);
      return fc.float32Array({ minLength: count, maxLength: count }).map((data) => ({ shape, data }));
    });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1, maxLength: 6 }), tensor, { maxKeys: 4 }), async (named) => {
        const reader = await openSafetensors(bytesSource(encodeSafetensors(named)));
        expect([...reader.names].sort()).toEqual(Object.keys(named).sort());
        for (const [name, array] of Object.entries(named)) expect(await reader.read(name)).toEqual(array);
      }),
      { numRuns: 500, seed: 13 },
    );
  });
});
