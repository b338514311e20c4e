import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { boolean, byteBlob, double, floatBlob, int32, int64, intBlob, openParquetWriter, optional, readForeignParquet, readParquet, text, writeParquet } from './index.js';
import type { ParquetRow } from './index.js';

const SCHEMA = {
  doc: text,
  note: optional(text),
  pos: int32,
  big: int64,
  score: double,
  low: optional(double),
  live: boolean,
  vec: floatBlob(4),
  half: floatBlob(4, 'f16'),
  brain: floatBlob(4, 'bf16'),
  ids: intBlob(3),
  mask: byteBlob(5),
} as const;

type Row = ParquetRow<typeof SCHEMA>;

const row = (i: number): Row => ({
  doc: `d${i} \u00e9\u65e5 "quoted"`,
  note: i % 3 === 0 ? null : `n${i}`,
  pos: i - 5,
  big: i * 2 ** 40 - 7,
  score: i / 3,
  low: i % 4 === 0 ? null : -i,
  live: i % 2 === 0,
  vec: Float32Array.of(i + 0.1, -2.25, 300, i % 5 === 0 ? NaN : 1e-30),
  half: Float32Array.of(0.5, -1024, i, 2 ** -24),
  brain: Float32Array.of(0.5, -1024, i, 2 ** -100),
  ids: Int32Array.of(i, -1, 2 ** 31 - 1),
  mask: Uint8Array.of(1, 0, 255, i, 1),
});

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parquet-'));
  path = join(folder, 'a.parquet');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function readAll(file: string): Promise<Row[]> {
  const opened = await readParquet(file, SCHEMA);
  const rows: Row[] = [];
  try {
    for await (const one of opened.readRows()) rows.push(one);
  } finally {
    await opened.close();
  }
  return rows;
}

async function foreign(file: string, options: Parameters<typeof readForeignParquet>[1] = {}): Promise<Readonly<Record<string, unknown>>[]> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  for await (const one of readForeignParquet(file, options)) rows.push(one);
  return rows;
}

describe('parquet facade', () => {
  it('gives back what was written, of every kind, over several row groups', async () => {
    const rows = Array.from({ length: 53 }, (_, i) => row(i));
    expect(await writeParquet(path, SCHEMA, rows, { rowGroupRows: 10, metadata: { site: 'm/resid_post.4', width: '4' } })).toBe(53);
    const file = await readParquet(path, SCHEMA);
    expect(file.rows).toBe(53);
    expect(file.groups).toEqual([10, 10, 10, 10, 10, 3]);
    expect(file.metadata).toMatchObject({ site: 'm/resid_post.4', width: '4' });
    expect(await file.readGroup(5)).toEqual(rows.slice(50));
    const from: Row[] = [];
    for await (const one of file.readRows(37)) from.push(one);
    expect(from).toEqual(rows.slice(37));
    await file.close();
    expect(await readAll(path)).toEqual(rows);
    expect(await readdir(folder)).toEqual(['a.parquet']);
  });

  it('has row types that follow the schema', () => {
    expectTypeOf<Row['vec']>().toEqualTypeOf<Float32Array>();
    expectTypeOf<Row['note']>().toEqualTypeOf<string | null>();
    expectTypeOf<Row['big']>().toEqualTypeOf<number>();
    expectTypeOf<Row['live']>().toEqualTypeOf<boolean>();
  });

  it('is read alike by hyparquet and DuckDB', async () => {
    const rows = Array.from({ length: 25 }, (_, i) => row(i));
    await writeParquet(path, SCHEMA, rows, { rowGroupRows: 8 });
    const others = await foreign(path);
    expect(others.map((other) => other['doc'])).toEqual(rows.map((one) => one.doc));
    expect(others.map((other) => other['note'] ?? null)).toEqual(rows.map((one) => one.note));
    expect(others.map((other) => Number(other['big']))).toEqual(rows.map((one) => one.big));
    expect(others.map((other) => other['low'] ?? null)).toEqual(rows.map((one) => one.low));
    const bytes = others[7]!['vec'];
    const raw = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes as Uint8Array);
    expect(raw.length).toBe(16);
    const duck = await (await DuckDBInstance.create(':memory:')).connect();
    const result = await duck.runAndReadAll(
      `select count(*) n, sum(pos) p, sum(big)::double b, sum(score) s, count(low) l, count(note) t, sum(live::int) v, hex(min(ids)) i from '${path}'`,
    );
    const [n, p, b, s, l, t, v, i] = result.getRows()[0]!.map((value) => (typeof value === 'string' ? value : Number(value)));
    const sum = (values: readonly number[]): number => values.reduce((a, c) => a + c, 0);
    expect([n, p, l, t, v]).toEqual([25, sum(rows.map((one) => one.pos)), rows.filter((one) => one.low !== null).length, rows.filter((one) => one.note !== null).length, 13]);
    expect(b).toBe(sum(rows.map((one) => one.big)));
    expect(s).toBeCloseTo(sum(rows.map((one) => one.score)), 9);
    expect(i).toBe('00000000FFFFFFFFFFFFFF7F');
    const vec = await duck.runAndReadAll(`select hex(vec) from '${path}' where pos = 2`);
    expect(vec.getRows()[0]![0]).toBe(Buffer.from(rows[7]!.vec.buffer).toString('hex').toUpperCase());
    duck.disconnectSync();
  });

  it('stores views into larger arrays, and lets the caller reuse them', async () => {
    const schema = { vec: floatBlob(2) } as const;
    const shared = new Float32Array(6);
    const writer = await openParquetWriter(path, schema);
    for (let i = 0; i < 3; i++) {
      shared.fill(i, 2, 4);
      await writer.append({ vec: shared.subarray(2, 4) });
    }
    await writer.close();
    const file = await readParquet(path, schema);
    const rows = await file.readGroup(0);
    await file.close();
    expect(rows.map((one) => [...one.vec])).toEqual([[0, 0], [1, 1], [2, 2]]);
    expect(rows[0]!.vec.buffer.byteLength).toBe(8);
  });

  it('keeps every row in order when appends are not awaited', async () => {
    const writer = await openParquetWriter(path, { i: int32 }, { rowGroupRows: 10 });
    await Promise.all(Array.from({ length: 100 }, (_, i) => writer.append({ i })));
    await writer.close();
    const file = await readParquet(path, { i: int32 });
    const rows: number[] = [];
    for await (const { i } of file.readRows()) rows.push(i);
    await file.close();
    expect(rows).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('turns NaN into null in optional doubles and refuses it in required ones; infinity stays', async () => {
    const schema = { a: double, b: optional(double) } as const;
    await writeParquet(path, schema, [{ a: Infinity, b: NaN }, { a: -0.5, b: -Infinity }]);
    const file = await readParquet(path, schema);
    expect(await file.readGroup(0)).toEqual([{ a: Infinity, b: null }, { a: -0.5, b: -Infinity }]);
    await file.close();
    await expect(writeParquet(path, schema, [{ a: NaN, b: 0 }])).rejects.toMatchObject({ code: 'bad-shape', message: expect.stringContaining('column a, row 0') as string });
  });

  it('rounds f16 and bf16 to nearest', async () => {
    const schema = { h: floatBlob(3, 'f16'), b: floatBlob(3, 'bf16') } as const;
    const values = Float32Array.of(1.0004883, 65504, 1e6);
    await writeParquet(path, schema, [{ h: values, b: values }]);
    const file = await readParquet(path, schema);
    const [only] = await file.readGroup(0);
    await file.close();
    expect([...only!.h]).toEqual([1, 65504, Infinity]);
    expect([...only!.b]).toEqual([1, 65536, 999424]);
  });

  it('writes and reads an empty file', async () => {
    await writeParquet(path, SCHEMA, []);
    expect(await readAll(path)).toEqual([]);
    expect(await foreign(path)).toEqual([]);
  });
});

describe('parquet failures', () => {
  it('refuses values that do not fit and leaves no file', async () => {
    const bad: [keyof Row, unknown][] = [
      ['doc', 5],
      ['pos', 2 ** 31],
      ['pos', 0.5],
      ['big', 2 ** 53],
      ['live', 1],
      ['vec', new Float32Array(3)],
      ['vec', [1, 2, 3, 4]],
      ['ids', new Float32Array(3)],
      ['mask', null],
      ['doc', null],
    ];
    for (const [name, value] of bad) {
      const rows = [row(0), { ...row(1), [name]: value } as Row];
      await expect(writeParquet(path, SCHEMA, rows)).rejects.toMatchObject({ code: 'bad-shape', message: expect.stringContaining(`column ${name}, row 1`) as string });
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('shows no file before close, and none after abort', async () => {
    const writer = await openParquetWriter(path, { i: int32 });
    await writer.append({ i: 1 });
    expect(existsSync(path)).toBe(false);
    await writer.abort();
    await writer.abort();
    expect(await readdir(folder)).toEqual([]);
    await expect(writer.append({ i: 2 })).rejects.toMatchObject({ code: 'conflict' });
    await expect(writer.close()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('removes what was written when the rows fail to come', async () => {
    const rows = function* (): Generator<{ i: number }> {
      for (let i = 0; i < 50; i++) yield { i };
      throw new Error('source broke');
    };
    await expect(writeParquet(path, { i: int32 }, rows(), { rowGroupRows: 10 })).rejects.toThrow('source broke');
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a schema of other columns or widths', async () => {
    await writeParquet(path, { vec: floatBlob(4) }, [{ vec: new Float32Array(4) }]);
    await expect(readParquet(path, { vec: floatBlob(5) })).rejects.toMatchObject({ code: 'bad-shape' });
    await expect(readParquet(path, { vec: floatBlob(4, 'bf16') })).rejects.toMatchObject({ code: 'bad-shape' });
    await expect(readParquet(path, { other: floatBlob(4) })).rejects.toMatchObject({ code: 'bad-shape' });
    expect(() => floatBlob(0)).toThrow(expect.objectContaining({ code: 'bad-config' }));
  });

  it('says what is wrong with files that are missing, cut off, damaged or no Parquet', async () => {
    await expect(readParquet(join(folder, 'none'))).rejects.toMatchObject({ code: 'missing-file' });
    await expect(foreign(join(folder, 'none'))).rejects.toMatchObject({ code: 'missing-file' });
    await writeParquet(path, SCHEMA, Array.from({ length: 40 }, (_, i) => row(i)), { rowGroupRows: 16 });
    const whole = await readFile(path);
    const cut = join(folder, 'cut.parquet');
    for (const length of [0, 3, 8, 100, whole.length >> 1, whole.length - 1]) {
      await writeFile(cut, whole.subarray(0, length));
      await expect(readAll(cut)).rejects.toMatchObject({ name: 'SalmonError', code: 'bad-file' });
      await expect(foreign(cut)).rejects.toMatchObject({ name: 'SalmonError', code: 'bad-file' });
    }
    await writeFile(cut, 'PAR1 this is a letter, not a table PAR1');
    await expect(readAll(cut)).rejects.toMatchObject({ code: 'bad-file' });
  });

  it('notices every damaged byte before anything is decoded', async () => {
    await writeParquet(path, SCHEMA, Array.from({ length: 12 }, (_, i) => row(i)), { rowGroupRows: 4 });
    const whole = await readFile(path);
    const damaged = join(folder, 'damaged.parquet');
    for (let at = 4; at < whole.length; at += 29) {
      const bytes = Buffer.from(whole);
      bytes[at] = bytes[at]! ^ 0x55;
      await writeFile(damaged, bytes);
      const failure: unknown = await readAll(damaged).then(() => undefined, (error: unknown) => error);
      expect(failure, `byte ${at}`).toMatchObject({ name: 'SalmonError', code: 'bad-file' });
    }
  });

  it('tells files of other writers apart and reads them, zstd and bigint included', async () => {
    const duck = await (await DuckDBInstance.create(':memory:')).connect();
    const other = join(folder, 'duck.parquet');
    for (const codec of ['zstd', 'snappy', 'gzip', 'uncompressed']) {
      await duck.run(`copy (select i as id, 'text ' || i as t, [i, i + 1] as l from range(3000) r(i)) to '${other}' (format parquet, codec '${codec}', row_group_size 2048)`);
      await expect(readParquet(other)).rejects.toMatchObject({ code: 'bad-file', message: expect.stringContaining('readForeignParquet') as string });
      const rows = await foreign(other, { columns: ['id', 't'], from: 2040, chunkRows: 100 });
      expect(rows).toHaveLength(960);
      expect(rows[0]).toEqual({ id: 2040n, t: 'text 2040' });
      expect(rows.at(-1)).toEqual({ id: 2999n, t: 'text 2999' });
    }
    await expect(foreign(other, { columns: ['nope'] })).rejects.toMatchObject({ code: 'bad-config', message: expect.stringContaining('id, t, l') as string });
    duck.disconnectSync();
  });
});
