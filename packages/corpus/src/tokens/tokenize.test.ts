import fc from 'fast-check';
import { firstValueFrom, from, map, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Document, TokenBatch } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { wordDocument, wordTokenizer } from '../../test/word-tokenizer.js';
import { tokenize } from './tokenize.js';
import type { TokenizeOptions, TokenizeReport } from './tokenize.js';

const BASE = { context: 6, packing: 'document', batchRows: 2 } as const;

const tokens = (documents: readonly Document[], options: Partial<TokenizeOptions> = {}, tokenizer = wordTokenizer()): Promise<TokenBatch[]> =>
  firstValueFrom(from(documents).pipe(tokenize(tokenizer, { ...BASE, ...options }), toArray()));

/** Rows of a batch without padding. */
const rowsOf = (batch: TokenBatch): number[][] =>
  Array.from({ length: batch.rows }, (_, r) => [...batch.ids.subarray(r * batch.context, (r + 1) * batch.context)].filter((_, i) => batch.mask[r * batch.context + i] === 1));

describe('tokenize', () => {
  it('emits a batch when its rows are full and the rest at the end', () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    test.run(({ hot, expectObservable }) => {
      const source = hot('a-b-c-|', { a: wordDocument('a', 10, 3), b: wordDocument('b', 20, 3), c: wordDocument('c', 30, 3) });
      expectObservable(source.pipe(tokenize(wordTokenizer(), BASE), map((batch) => batch.rows))).toBe('--x---(y|)', { x: 2, y: 1 });
      expectObservable(hot<Document>('a-#', { a: wordDocument('a', 10, 3) }).pipe(tokenize(wordTokenizer(), BASE))).toBe('--#');
    });
  });

  it('puts one document a row, splitting long ones, and marks specials, padding and documents', async () => {
    const [batch, rest] = await tokens([wordDocument('a', 10, 7), wordDocument('x', 20, 2)], { batchRows: 3 });
    expect(rest).toBeUndefined();
    expect(rowsOf(batch!)).toEqual([[2, 10, 11, 12, 13, 14], [2, 15, 16], [2, 20, 21]]);
    expect([...batch!.ids.subarray(6, 12)]).toEqual([2, 15, 16, 9, 9, 9]);
    expect([...batch!.special.subarray(6, 12)]).toEqual([1, 0, 0, 1, 1, 1]);
    expect([...batch!.doc.subarray(6, 12)]).toEqual([0, 0, 0, -1, -1, -1]);
    expect(batch!.docs).toEqual(['a', 'x']);
    expect(batch!.domains).toEqual(['y', 'x']);
  });

  it('cuts long documents on request and puts EOS after what is kept', async () => {
    const [batch] = await tokens([wordDocument('a', 10, 7), wordDocument('b', 20, 2)], { long: 'truncate', eos: true });
    expect(rowsOf(batch!)).toEqual([[2, 10, 11, 12, 13, 1], [2, 20, 21, 1]]);
  });

  it('puts EOS once, at the very end of a split document', async () => {
    for (const length of [4, 5, 6, 9, 10]) {
      const batches = await tokens([wordDocument('a', 10, length)], { eos: true, batchRows: 9 });
      const rows = rowsOf(batches[0]!);
      expect(rows.flat().filter((id) => id === 1)).toHaveLength(1);
      expect(rows.at(-1)!.at(-1)).toBe(1);
      expect(rows.at(-1)!.length).toBeGreaterThanOrEqual(3);
      expect(rows.flat().filter((id) => id >= 10)).toEqual(Array.from({ length }, (_, i) => 10 + i));
    }
  });

  it('takes 0 for a BOS id like any other, and does without one', async () => {
    const [zero] = await tokens([wordDocument('a', 10, 2)], {}, wordTokenizer({ bos: 0 }));
    expect(rowsOf(zero!)).toEqual([[0, 10, 11]]);
    for (const [options, tokenizer] of [[{ bos: false }, wordTokenizer()], [{}, wordTokenizer({ bos: undefined })]] as const) {
      const [none] = await tokens([wordDocument('a', 10, 2)], options, tokenizer);
      expect(rowsOf(none!)).toEqual([[10, 11]]);
    }
  });

  it('packs documents one after another, each with BOS, and names each position', async () => {
    const [batch] = await tokens([wordDocument('a', 10, 2), wordDocument('b', 20, 4), wordDocument('c', 30, 1)], { packing: 'pack', batchRows: 9 });
    expect(rowsOf(batch!)).toEqual([[2, 10, 11, 2, 20, 21], [2, 22, 23, 2, 30]]);
    expect([...batch!.doc]).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2].concat(batch!.context === 6 ? [-1] : []));
  });

  it('never puts a lone BOS at the end of a packed row', async () => {
    const [batch] = await tokens([wordDocument('a', 10, 4), wordDocument('b', 20, 2)], { packing: 'pack', batchRows: 9 });
    expect(rowsOf(batch!)).toEqual([[2, 10, 11, 12, 13], [2, 20, 21]]);
  });

  it('keeps every text token in order in every mode, and accounts for all of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 12 }),
        fc.constantFrom<'pack' | 'document'>('pack', 'document'),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 3, max: 12 }),
        async (lengths, packing, eos, truncate, context) => {
          fc.pre(lengths.some((length) => length > 0));
          let first = 10;
          const documents = lengths.map((length, i) => wordDocument(`d${i}`, (first += length) - length, length));
          let report: TokenizeReport | undefined;
          const batches = await tokens(documents, { packing, eos, context, batchRows: 3, long: truncate ? 'truncate' : 'split', onReport: (totals) => (report = totals) });
          const kept = batches.flatMap((batch) => rowsOf(batch).flat()).filter((id) => id >= 10);
          const total = lengths.reduce((sum, length) => sum + length, 0);
          expect(report!.textTokens).toBe(total);
          expect(kept.length + report!.truncatedTokens).toBe(total);
          if (packing === 'pack' || !truncate) expect(kept).toEqual(Array.from({ length: total }, (_, i) => 10 + i));
          expect(report!.documents).toBe(lengths.length);
          expect(report!.emptyDocuments).toBe(lengths.filter((length) => length === 0).length);
          expect(report!.rows).toBe(batches.reduce((sum, batch) => sum + batch.rows, 0));
          expect(report!.rowTokens + report!.padding).toBe(batches.reduce((sum, batch) => sum + batch.rows * batch.context, 0));
          for (const batch of batches) {
            for (let i = 0; i < batch.ids.length; i++) {
              const id = batch.ids[i]!;
              if (id < 10) continue;
              const owner = documents.findIndex((document) => document.text.split(' ').includes(`w${id}`));
              expect(batch.docs[batch.doc[i]!]).toBe(`d${owner}`);
              expect(batch.special[i]).toBe(0);
            }
          }
        },
      ),
      { seed: 2, numRuns: 80 },
    );
  });

  it('sorts by length within windows: less padding, same rows, and a cursor that never skips text', async () => {
    const documents = Array.from({ length: 16 }, (_, i) => wordDocument(`d${i}`, 10 + i * 6, 1 + ((i * 3) % 5), i + 1));
    const reports: Record<string, TokenizeReport> = {};
    const plain = await tokens(documents, { onReport: (report) => (reports['plain'] = report) });
    const bucketed = await tokens(documents, { bucket: 4, onReport: (report) => (reports['bucketed'] = report) });
    const sorted = (batches: readonly TokenBatch[]): string[] => batches.flatMap(rowsOf).map(String).sort();
    expect(sorted(bucketed)).toEqual(sorted(plain));
    expect(reports['bucketed']!.padding).toBeLessThan(reports['plain']!.padding);
    expect(bucketed.map((batch) => batch.cursor.row)).toEqual([0, 0, 0, 8, 8, 8, 8, 16]);
    expect(plain.map((batch) => batch.cursor.row)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
  });

  it('pads to the longest row, or to the context on request', async () => {
    const documents = [wordDocument('a', 10, 1), wordDocument('b', 20, 2)];
    expect((await tokens(documents))[0]!.context).toBe(3);
    expect((await tokens(documents, { pad: 'context' }))[0]!.context).toBe(6);
  });

  it('refuses text without tokens, a context without room and an EOS that is not there', async () => {
    await expect(tokens([])).rejects.toMatchObject({ code: 'no-data' });
    await expect(tokens([wordDocument('a', 10, 0)])).rejects.toMatchObject({ code: 'no-data', message: expect.stringContaining('1 of them empty') as string });
    expect(() => tokenize(wordTokenizer(), { ...BASE, context: 1 })).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(() => tokenize(wordTokenizer({ bos: 2 }), { ...BASE, eos: true })).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(() => tokenize(wordTokenizer(), { ...BASE, batchRows: 0 })).toThrow(expect.objectContaining({ code: 'bad-config' }));
  });
});
