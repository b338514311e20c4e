import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, firstValueFrom, from, of, throwError, toArray } from 'rxjs';
import { Pace } from '@salmon-sae/dataflow';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { writeParquet, int32 } from '@salmon-sae/dataflow/parquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wordDocument, wordTokenizer } from '../../test/word-tokenizer.js';
import { readTokens, writeTokens } from './token-store.js';
import { tokenize } from './tokenize.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokens-'));
  path = join(folder, 'tokens.parquet');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const tokenizer = wordTokenizer();
const batches = (packing: 'pack' | 'document'): Promise<TokenBatch[]> => {
  const documents = Array.from({ length: 40 }, (_, i) => wordDocument(`${i % 3 === 0 ? 'x' : 'd'}${i}`, 10 + i * 9, i % 10, i + 1));
  return firstValueFrom(from(documents).pipe(tokenize(tokenizer, { context: 8, packing, batchRows: 3 }), toArray()));
};
const read = (options: Parameters<typeof readTokens>[1] = {}): Promise<TokenBatch[]> => firstValueFrom(readTokens(path, options).pipe(toArray()));

describe('token store', () => {
  it('gives back the batches that were written', async () => {
    for (const packing of ['pack', 'document'] as const) {
      const made = await batches(packing);
      const rows = await writeTokens(path, from(made), { context: 8, tokenizer, pace: new Pace(2) });
      expect(rows).toBe(made.reduce((sum, batch) => sum + batch.rows, 0));
      expect(await read({ tokenizer })).toEqual(made);
      expect(await read({ skip: 4 })).toEqual(made.slice(4));
    }
  });

  it('leaves nothing behind when the text fails or is cancelled', async () => {
    const [first] = await batches('pack');
    const failing = concat(of(first!), throwError(() => new Error('no more')));
    await expect(writeTokens(path, failing, { context: 8, tokenizer })).rejects.toThrow('no more');
    await expect(writeTokens(path, of(first!), { context: 8, tokenizer, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    await expect(writeTokens(path, of(first!), { context: 4, tokenizer })).rejects.toMatchObject({ code: 'bad-shape' });
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses another tokenizer's file and files that hold no tokens", async () => {
    await writeTokens(path, from(await batches('pack')), { context: 8, tokenizer });
    await expect(read({ tokenizer: { hash: 'other' } })).rejects.toMatchObject({ code: 'conflict' });
    await writeParquet(path, { i: int32 }, [{ i: 1 }]);
    await expect(read()).rejects.toMatchObject({ code: 'bad-file' });
  });
});
