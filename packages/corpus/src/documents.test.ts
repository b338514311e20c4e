import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, take, toArray } from 'rxjs';
import type { Cursor, Document } from '@salmon-sae/dataflow';
import { double, text, writeParquet } from '@salmon-sae/dataflow/parquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { documents } from './documents.js';
import type { DocumentSource } from './source.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corpus-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  await mkdir(join(folder, name, '..'), { recursive: true });
  await writeFile(join(folder, name), content);
  return join(folder, name);
};
const lines = (name: string, n: number): Promise<string> =>
  file(name, Array.from({ length: n }, (_, i) => JSON.stringify({ id: `${name}-${i}`, text: `text ${i} of ${name}`, domain: i % 2 === 0 ? 'even' : 'odd' })).join('\n'));
const read = (source: DocumentSource, from?: Cursor): Promise<Document[]> =>
  firstValueFrom(documents(source, from === undefined ? {} : { from }).pipe(toArray()));

/** Going on from any document's cursor gives exactly the documents after it. */
async function resumes(source: DocumentSource): Promise<Document[]> {
  const all = await read(source);
  for (const [i, document] of all.entries()) expect(await read(source, document.cursor)).toEqual(all.slice(i + 1));
  return all;
}

describe('documents: jsonl', () => {
  it('reads id, text and domain over several files, past blank lines, CRLF and a byte order mark', async () => {
    const a = await file('a.jsonl', '\ufeff{"id":"1","text":"one","domain":"d","more":0}\r\n\r\n{"text":"two"}\n');
    const b = await file('b.jsonl', '{"id":3,"text":"caf\u00e9 \u65e5"}');
    const all = await resumes({ kind: 'jsonl', paths: [a, b] });
    expect(all.map(({ id, text: content, domain }) => [id, content, domain])).toEqual([
      ['1', 'one', 'd'],
      ['a#3', 'two', 'a'],
      ['3', 'caf\u00e9 \u65e5', 'b'],
    ]);
    expect(all.map(({ cursor }) => [cursor.shard, cursor.row])).toEqual([[0, 1], [0, 3], [1, 1]]);
  });

  it('takes other field names, nested ones and question formats', async () => {
    const a = await file('q.jsonl', '{"key":"k","body":{"main":"hello"},"question":"Q:","opa":"a","opb":"b","opc":"c","opd":"d","cop":3}');
    const [plain] = await read({ kind: 'jsonl', path: a, fields: { id: 'key', text: 'body.main' }, domain: 'dom' });
    expect(plain).toMatchObject({ id: 'k', text: 'hello', domain: 'dom' });
    const [formatted] = await read({ kind: 'jsonl', path: a, format: 'medmcqa' });
    expect(formatted!.text).toBe('Q?\nThe options are:\na\nb\nc\nd\nCorrect option: d');
  });

  it('names file and line of what is wrong', async () => {
    const cases: [string | Uint8Array, RegExp][] = [
      ['{"text":"a"}\n{"text": oops}\n', /not JSON.*bad\.jsonl, line 2/],
      ['{"text":"a"}\n\n[1]\n', /not a JSON object.*line 3/],
      ['{"text":"a"}\n{"body":"b","id":1}\n', /no text under text.*line 2.*body, id/s],
      ['{"text":5}\n', /no text under text.*line 1/s],
      [Buffer.concat([Buffer.from('{"text":"a"}\n{"text":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]), /not UTF-8.*line 2/],
    ];
    for (const [content, message] of cases) {
      const path = await file('bad.jsonl', content);
      await expect(read({ kind: 'jsonl', path })).rejects.toMatchObject({ code: 'bad-file', message: expect.stringMatching(message) as string });
    }
    const row = await file('row.jsonl', '{"id":"r1","question":"q"}');
    await expect(read({ kind: 'jsonl', path: row, format: 'medqa' })).rejects.toMatchObject({ message: expect.stringMatching(/row\.jsonl, line 1, row r1/) as string });
    await expect(read({ kind: 'jsonl', path: join(folder, 'none.jsonl') })).rejects.toMatchObject({ code: 'missing-file' });
    await expect(read({ kind: 'jsonl', path: await file('empty.jsonl', '\n\n') })).rejects.toMatchObject({ code: 'no-data' });
    await expect(read({ kind: 'jsonl' })).rejects.toMatchObject({ code: 'bad-config' });
  });

  it('reads lines that cross the edges of read chunks, and stops reading when enough is had', async () => {
    const long = Array.from({ length: 9 }, (_, i) => JSON.stringify({ id: String(i), text: String.fromCharCode(97 + i).repeat(100_001) }));
    const path = await file('long.jsonl', long.join('\n'));
    expect((await read({ kind: 'jsonl', path })).map((one) => one.text.length)).toEqual(new Array(9).fill(100_001));
    const few = await firstValueFrom(documents({ kind: 'jsonl', path }).pipe(take(2), toArray()));
    expect(few.map((one) => one.id)).toEqual(['0', '1']);
  });
});

describe('documents: text and parquet', () => {
  it('reads files of a folder whole, by paragraph or by line', async () => {
    await file('t/b.txt', 'One\ntwo\n\n\nthree\n');
    await file('t/a/x.md', 'deep');
    await file('t/skip.bin', 'no');
    const path = join(folder, 't');
    expect((await resumes({ kind: 'text', path })).map((one) => [one.id, one.text])).toEqual([['a/x.md', 'deep'], ['b.txt', 'One\ntwo\n\n\nthree']]);
    const paragraphs = await resumes({ kind: 'text', path, unit: 'paragraph', domain: 'dom' });
    expect(paragraphs.map((one) => [one.id, one.text, one.domain])).toEqual([['a/x.md#1', 'deep', 'dom'], ['b.txt#1', 'One\ntwo', 'dom'], ['b.txt#2', 'three', 'dom']]);
    expect((await resumes({ kind: 'text', path: join(path, 'b.txt'), unit: 'line' })).map((one) => one.text)).toEqual(['One', 'two', 'three']);
  });

  it('says what is wrong with folders and bytes', async () => {
    await mkdir(join(folder, 'void'));
    await expect(read({ kind: 'text', path: join(folder, 'void') })).rejects.toMatchObject({ code: 'no-data' });
    await expect(read({ kind: 'text', path: join(folder, 'nowhere') })).rejects.toMatchObject({ code: 'missing-file' });
    const path = await file('latin.txt', Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    await expect(read({ kind: 'text', path })).rejects.toMatchObject({ code: 'bad-file' });
  });

  it('reads Parquet files', async () => {
    const path = join(folder, 'p.parquet');
    await writeParquet(path, { id: text, text, score: double }, Array.from({ length: 7 }, (_, i) => ({ id: `p${i}`, text: `t${i}`, score: i })), { rowGroupRows: 3 });
    const all = await resumes({ kind: 'parquet', path });
    expect(all.map((one) => [one.id, one.text, one.domain])).toEqual(Array.from({ length: 7 }, (_, i) => [`p${i}`, `t${i}`, 'p']));
    await expect(read({ kind: 'parquet', path, fields: { text: 'body' } })).rejects.toMatchObject({ code: 'bad-file', message: expect.stringMatching(/row 1.*id, text, score/s) as string });
  });
});

describe('documents: combinations', () => {
  it('chains, limits and resumes', async () => {
    const sources: DocumentSource[] = [{ kind: 'jsonl', path: await lines('a.jsonl', 3) }, { kind: 'jsonl', path: await lines('b.jsonl', 4) }];
    const all = await resumes({ kind: 'chain', sources });
    expect(all.map((one) => one.id)).toEqual(['a.jsonl-0', 'a.jsonl-1', 'a.jsonl-2', 'b.jsonl-0', 'b.jsonl-1', 'b.jsonl-2', 'b.jsonl-3']);
    expect((await resumes({ kind: 'limit', documents: 5, source: { kind: 'chain', sources } })).map((one) => one.id)).toEqual(all.slice(0, 5).map((one) => one.id));
  });

  it('mixes in proportion to the weights, until all or the first is used up', async () => {
    const a: DocumentSource = { kind: 'jsonl', path: await lines('a.jsonl', 300) };
    const b: DocumentSource = { kind: 'jsonl', path: await lines('b.jsonl', 300) };
    const source: DocumentSource = { kind: 'mix', seed: 1, sources: [{ source: a, weight: 3 }, { source: b, weight: 1 }] };
    const all = await read(source);
    expect(new Set(all.map((one) => one.id)).size).toBe(600);
    const share = all.slice(0, 300).filter((one) => one.id.startsWith('a')).length / 300;
    // Standard error of 0.75 in 300 draws: 0.025.
    expect(Math.abs(share - 0.75)).toBeLessThan(0.1);
    expect(all.filter((one) => one.id.startsWith('a')).map((one) => one.id)).toEqual(Array.from({ length: 300 }, (_, i) => `a.jsonl-${i}`));
    expect(await read(source, all[99]!.cursor)).toEqual(all.slice(100));
    expect((await read({ ...source, seed: 2 })).map((one) => one.id)).not.toEqual(all.map((one) => one.id));
    const first = await read({ ...source, until: 'first' });
    expect(first.filter((one) => one.id.startsWith('a'))).toHaveLength(300);
    expect(first.length).toBeLessThan(500);
  });

  it('drops repeats', async () => {
    const path = await file('r.jsonl', ['One two', 'three', 'one  TWO!', 'four'].map((content) => JSON.stringify({ text: content })).join('\n'));
    expect((await resumes({ kind: 'dedupe', source: { kind: 'jsonl', path } })).map((one) => one.text)).toEqual(['One two', 'three', 'four']);
  });

  it("refuses another source's position", async () => {
    const path = await lines('a.jsonl', 2);
    await expect(read({ kind: 'jsonl', path }, { source: 'jsonl:b.jsonl', shard: 0, row: 1 })).rejects.toMatchObject({ code: 'conflict' });
  });
});
