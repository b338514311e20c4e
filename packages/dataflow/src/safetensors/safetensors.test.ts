import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesSource, encodeSafetensors, openSafetensors, openSafetensorsFolder, writeSafetensors } from './index.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const encoder = new TextEncoder();

/** A safetensors file from a header written by hand. */
function file(header: unknown, dataBytes: number, rawHeader?: string): Uint8Array {
  const json = encoder.encode(rawHeader ?? JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const rejects = async (bytes: Uint8Array, message: RegExp): Promise<void> => {
  await expect(openSafetensors(bytesSource(bytes))).rejects.toThrow(message);
};

describe('reading and writing', () => {
  it('round-trips floats, ints and metadata, and reads rows by range', async () => {
    const path = join(folder, 'a.safetensors');
    const w = { shape: [3, 2], data: Float32Array.from([1, -2.5, 3e-30, 4, NaN, -Infinity]) };
    const ids = { shape: [2, 2], data: Int32Array.from([1, -2, 2147483647, -2147483648]) };
    await writeSafetensors(path, { w, ids, empty: { shape: [0, 4], data: new Float32Array(0) }, scalar: { shape: [], data: Float32Array.of(7) } }, { metadata: { a: 'b' } });
    const reader = await openSafetensors(path);
    expect([...reader.names].sort()).toEqual(['empty', 'ids', 'scalar', 'w']);
    expect(reader.metadata['a']).toBe('b');
    expect(reader.info('w')).toEqual({ dtype: 'F32', shape: [3, 2] });
    expect(await reader.read('w')).toEqual(w);
    expect(await reader.readInt32('ids')).toEqual(ids);
    expect(await reader.readBytes('w', 1, 2)).toEqual(new Uint8Array(w.data.slice(2, 4).buffer));
    expect(await reader.readRows('w', 1, 2)).toEqual({ shape: [1, 2], data: w.data.slice(2, 4) });
    expect(await reader.read('scalar')).toEqual({ shape: [], data: Float32Array.of(7) });
    expect((await reader.read('empty')).data.length).toBe(0);
    await expect(reader.read('v')).rejects.toThrow(/Tensor "v" is missing/);
    await expect(reader.readInt32('w')).rejects.toThrow(/"w" holds no integers/);
    await expect(reader.readBytes('w', 2, 4)).rejects.toThrow(/0 <= from <= to <= 3/);
    await expect(reader.readRows('w', 2, 4)).rejects.toThrow(/0 <= from <= to <= 3/);
    await reader.close();
    expect((await readFile(path)).length % 4).toBe(0);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('converts every stored dtype', async () => {
    const data = new Uint8Array(44);
    const view = new DataView(data.buffer);
    view.setFloat64(0, 0.1, true);
    view.setBigInt64(8, -5n, true);
    view.setBigUint64(16, 9007199254740993n, true);
    view.setUint32(24, 4294967295, true);
    view.setUint16(28, 0x3c01, true); // F16 1 + 2^-10
    view.setUint16(30, 0xbfc0, true); // BF16 -1.5
    view.setInt16(32, -3, true);
    view.setUint16(34, 65535, true);
    view.setInt8(36, -7);
    view.setUint8(37, 200);
    view.setUint8(38, 1);
    view.setUint8(39, 1);
    view.setFloat32(40, 2.5, true);
    const dtypes = ['F64', 'I64', 'U64', 'U32', 'F16', 'BF16', 'I16', 'U16', 'I8', 'U8', 'BOOL', 'BOOL', 'F32'];
    const at = [0, 8, 16, 24, 28, 30, 32, 34, 36, 37, 38, 39, 40, 44];
    const header = Object.fromEntries(dtypes.map((dtype, i) => [`t${i}`, { dtype, shape: [1], data_offsets: [at[i], at[i + 1]] }]));
    const bytes = file(header, 44);
    bytes.set(data, bytes.length - 44);
    const reader = await openSafetensors(bytesSource(bytes));
    const values = await Promise.all(dtypes.map(async (_, i) => (await reader.read(`t${i}`)).data[0]));
    expect(values).toEqual([Math.fround(0.1), -5, 9007199254740992, 4294967296, 1.0009765625, -1.5, -3, 65535, -7, 200, 1, 1, 2.5]);
    expect((await reader.readInt32('t1')).data[0]).toBe(-5);
    await expect(reader.readInt32('t3')).rejects.toThrow(/"t3" cannot be converted.*fit int32/);
  });

  it('refuses a float64 beyond float32', async () => {
    const bytes = file({ a: { dtype: 'F64', shape: [1], data_offsets: [0, 8] } }, 8);
    new DataView(bytes.buffer).setFloat64(bytes.length - 8, 1e300, true);
    await expect((await openSafetensors(bytesSource(bytes))).read('a')).rejects.toThrow(/"a" cannot be converted/);
  });

  it('writes bfloat16 and float16 rounded to nearest even', async () => {
    const data = Float32Array.from([1, 1.00390625, 1.01171875, -0, 65504, 65520, 6e-8, 1e-9, NaN, 0.1]);
    const tensors = { b: { shape: [10], data }, h: { shape: [10], data } };
    const reader = await openSafetensors(bytesSource(encodeSafetensors(tensors, { dtype: { b: 'BF16', h: 'F16' } })));
    expect(reader.info('b').dtype).toBe('BF16');
    expect([...(await reader.read('b')).data]).toEqual([1, 1, 1.015625, -0, 65536, 65536, 6.0070306062698364e-8, 9.968061931431293e-10, NaN, 0.10009765625]);
    expect([...(await reader.read('h')).data]).toEqual([1, 1.00390625, 1.01171875, -0, 65504, Infinity, 5.960464477539063e-8, 0, NaN, 0.0999755859375]);
  });

  it('refuses a shape that does not match the data', async () => {
    const tensors = { w: { shape: [2, 3], data: new Float32Array(5) } };
    await expect(writeSafetensors(join(folder, 'b.safetensors'), tensors)).rejects.toThrow(/"w" does not match.*6 elements.*5 elements/);
  });

  it('reads a folder of shards as one file', async () => {
    const shards = join(folder, 'sharded');
    await writeSafetensors(join(shards, 'm-1.safetensors'), { a: { shape: [1], data: Float32Array.of(1) } });
    await writeSafetensors(join(shards, 'm-2.safetensors'), { b: { shape: [2], data: Float32Array.of(2, 3) } });
    await expect(openSafetensorsFolder(shards)).rejects.toThrow(/No weights found/);
    const index = join(shards, 'model.safetensors.index.json');
    await writeFile(index, JSON.stringify({ weight_map: { a: 'm-1.safetensors', b: 'm-2.safetensors' } }));
    const reader = await openSafetensorsFolder(shards);
    expect(reader.names).toEqual(['a', 'b']);
    expect((await reader.readRows('b', 1, 2)).data).toEqual(Float32Array.of(3));
    await reader.close();
    await writeFile(index, JSON.stringify({ weight_map: { a: 'm-2.safetensors' } }));
    await expect(openSafetensorsFolder(shards)).rejects.toThrow(/"a" is missing from its shard/);
    await writeFile(index, JSON.stringify({ weight_map: { a: '../m-2.safetensors' } }));
    await expect(openSafetensorsFolder(shards)).rejects.toThrow(/names no shard of this folder/);
  });
});

describe('what a header may not say', () => {
  const one = (entry: object): object => ({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...entry } });

  it('lengths', async () => {
    await rejects(new Uint8Array(5), /too short/);
    const long = file({}, 0);
    new DataView(long.buffer).setBigUint64(0, 0xffffffffffffffffn, true);
    await rejects(long, /longer than the format allows/);
    new DataView(long.buffer).setBigUint64(0, 99_999_999n, true);
    await rejects(long, /reaches beyond the file/);
    const path = join(folder, 'cut.safetensors');
    await writeSafetensors(path, { w: { shape: [4], data: new Float32Array(4) } });
    await truncate(path, (await readFile(path)).length - 4);
    await expect(openSafetensors(path)).rejects.toThrow(/"w" reaches beyond the file/);
    await expect(openSafetensors(join(folder, 'none'))).rejects.toMatchObject({ code: 'missing-file' });
    await expect(openSafetensors(folder)).rejects.toMatchObject({ code: 'bad-file' });
  });

  it('JSON', async () => {
    await rejects(file(undefined, 0, '{"w": '), /not valid JSON/);
    await rejects(file(undefined, 0, '[]'), /not a JSON object/);
    await rejects(file(undefined, 0, ' {}'), /not a JSON object/);
    await rejects(file(undefined, 8, '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\\u0077":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'), /"w" is listed twice/);
    await rejects(file(undefined, 0, `{"w":${'['.repeat(200_000)}${']'.repeat(200_000)}}`), /"w" has no description/);
    await rejects(file({ __metadata__: { a: 1 } }, 0), /__metadata__.a is not a string/);
    await rejects(file({ w: 3 }, 0), /"w" has no description/);
  });

  it('entries', async () => {
    await rejects(file(one({ dtype: 'F128' }), 8), /unknown dtype.*"F128"/);
    await rejects(file(one({ dtype: 'toString' }), 8), /unknown dtype/);
    await rejects(file(one({ shape: [-2] }), 8), /malformed shape/);
    await rejects(file(one({ shape: [1.5] }), 8), /malformed shape/);
    await rejects(file(one({ shape: [3] }), 8), /"w" does not fill its byte range.*12 bytes for F32 \[3\].*8 bytes/);
    await rejects(file(one({ shape: [4294967296, 4294967296, 4294967296] }), 8), /does not fill/);
    await rejects(file(one({ data_offsets: [8, 0] }), 8), /malformed data_offsets/);
    await rejects(file(one({ data_offsets: [8, 16] }), 16), /belong to no tensor/);
    await rejects(file(one({ extra: 1 }), 8), /unknown field/);
    await rejects(file(one({}), 12), /longer than its tensors/);
    const two = { ...one({}), v: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } };
    await rejects(file(two, 12), /"w" and "v" overlap/);
  });
});
