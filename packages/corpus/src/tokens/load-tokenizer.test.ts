import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTokenizer } from './load-tokenizer.js';

const MINNOW = join(import.meta.dirname, '../../../../datasets/minnow');

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  await copyFile(join(MINNOW, 'tokenizer.json'), join(folder, 'tokenizer.json'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});
const put = (name: string, value: unknown): Promise<void> => writeFile(join(folder, name), JSON.stringify(value));

describe('loadTokenizer', () => {
  it("gives the ids that minnow's reference has, BOS aside", async () => {
    const tokenizer = await loadTokenizer(MINNOW);
    const reference = JSON.parse(await readFile(join(import.meta.dirname, '../../test/fixtures/minnow-tokens.json'), 'utf8')) as { texts: string[]; ids: number[][] };
    expect(reference.texts.length).toBeGreaterThan(3);
    for (const [i, text] of reference.texts.entries()) {
      const ids = [tokenizer.bos!, ...tokenizer.encode(text)];
      const expected = reference.ids[i]!;
      expect(ids.slice(0, expected.length)).toEqual(expected.slice(0, ids.length));
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('knows the special tokens, the vocabulary and surface forms', async () => {
    const tokenizer = await loadTokenizer(MINNOW);
    expect([tokenizer.bos, tokenizer.eos, tokenizer.pad, tokenizer.vocabulary]).toEqual([2, 1, 0, 8192]);
    expect([...tokenizer.specials].sort()).toEqual([0, 1, 2, 3]);
    const ids = [...tokenizer.encode('The fever of 1918, na\u00efve caf\u00e9')];
    expect(ids.slice(0, 3).map((id) => tokenizer.token(id)).join('')).toMatch(/^The f/);
    expect(tokenizer.token(2)).toBe('<bos>');
    expect(tokenizer.token(99_999)).toBe('<id 99999>');
    expect(tokenizer.encode('')).toHaveLength(0);
    expect(tokenizer.decode([])).toBe('');
  });

  it('gives back any text it encodes', async () => {
    const tokenizer = await loadTokenizer(MINNOW);
    for (const text of [' leading', 'tab\tand\nline', '\u65e5\u672c\u8a9e \u{1f600}', 'a  b   c', '12345', 'don\u2019t']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('takes a BOS of id 0, reads objects and null, and asks config.json last', async () => {
    await put('tokenizer_config.json', { bos_token: { content: '<pad>' }, eos_token: null });
    await put('config.json', { bos_token_id: 5, eos_token_id: [7, 8], pad_token_id: 3, vocab_size: 9000 });
    const tokenizer = await loadTokenizer(folder);
    expect([tokenizer.bos, tokenizer.eos, tokenizer.pad]).toEqual([0, undefined, 3]);
    await rm(join(folder, 'tokenizer_config.json'));
    const plain = await loadTokenizer(folder);
    expect([plain.bos, plain.eos]).toEqual([5, 7]);
    expect(plain.hash).not.toBe(tokenizer.hash);
  });

  it('refuses a tokenizer that does not fit the model', async () => {
    await expect(loadTokenizer(MINNOW, { modelVocabulary: 8000 })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('8000') as string });
    await put('config.json', { text_config: { vocab_size: 100 } });
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('says what is wrong with missing and broken files', async () => {
    await put('tokenizer_config.json', { bos_token: '<nowhere>' });
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'bad-file', message: expect.stringContaining('<nowhere>') as string });
    await writeFile(join(folder, 'tokenizer_config.json'), '{"bos_token": ');
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'bad-file' });
    await rm(join(folder, 'tokenizer_config.json'));
    await put('tokenizer.json', { model: { type: 'Abacus', vocab: {} } });
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'bad-file' });
    await put('tokenizer.json', []);
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'bad-file' });
    await rm(join(folder, 'tokenizer.json'));
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'missing-file' });
  });
});
