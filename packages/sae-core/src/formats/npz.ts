import { createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { SalmonError } from '@salmon-sae/dataflow';
import type { NdArray } from '@salmon-sae/dataflow';
import { halfToFloat } from '@salmon-sae/dataflow/safetensors';
import { Zip, ZipPassThrough } from 'fflate';
import { NPY_MAX_HEADER, npyHeaderBytes, npyItemBytes, parseNpyHeader } from './npy.js';
import type { NpyHeader } from './npy.js';
import { transpose } from './sae-source.js';
import type { StoredTensor } from './sae-source.js';
import { openZip } from './zip-archive.js';
import type { ZipArchive } from './zip-archive.js';

/** Float arrays of a .npz file; only the arrays' headers are read until one is asked for. */
export interface NpzReader {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  read(name: string): Promise<NdArray>;
  close(): Promise<void>;
}

/**
 * Opens a .npz file: a zip of .npy arrays, stored or deflated.
 * @throws SalmonError `bad-file` for a broken or suspicious archive, an array of another dtype, or sizes that contradict each other.
 */
export async function openNpz(path: string): Promise<NpzReader> {
  const archive = await openZip(path);
  try {
    const headers = new Map<string, NpyHeader>();
    for (const [member, size] of archive.sizes) {
      const where = `${path}: ${member}`;
      if (!member.endsWith('.npy') || member.includes('/')) {
        throw new SalmonError('bad-file', { what: 'Archive holds something else than arrays', where, expected: 'NAME.npy', got: member });
      }
      const header = parseNpyHeader(await firstBytes(archive, member, Math.min(size, NPY_MAX_HEADER)), where);
      const expected = header.dataStart + header.shape.reduce((a, b) => a * b, 1) * npyItemBytes(header);
      if (expected !== size) {
        throw new SalmonError('bad-file', { what: `Array "${member}" does not fill its member`, where: path, expected: `${expected} bytes for ${header.descr} [${header.shape.join(', ')}]`, got: `${size} bytes` });
      }
      headers.set(member.slice(0, -4), header);
    }
    const tensors = Object.create(null) as Record<string, StoredTensor>;
    for (const [name, { descr, shape }] of headers) tensors[name] = { dtype: descr, shape };
    return {
      tensors,
      read: async (name) => {
        const header = headers.get(name);
        if (header === undefined) throw new SalmonError('bad-file', { what: `Array "${name}" is missing`, where: path, expected: name, got: [...headers.keys()].join(', ') });
        const array = await readArray(archive, `${name}.npy`, header);
        return header.fortranOrder ? columnMajor(array, path, name) : array;
      },
      close: async () => archive.close(),
    };
  } catch (error) {
    archive.close();
    throw error;
  }
}

async function firstBytes(archive: ZipArchive, member: string, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  let filled = 0;
  await archive.read(member, (chunk) => {
    const part = chunk.subarray(0, count - filled);
    bytes.set(part, filled);
    filled += part.length;
    return filled < count;
  });
  return bytes.subarray(0, filled);
}

async function readArray(archive: ZipArchive, member: string, header: NpyHeader): Promise<NdArray> {
  const size = npyItemBytes(header);
  const data = new Float32Array(header.shape.reduce((a, b) => a * b, 1));
  const target = new Uint8Array(data.buffer);
  const item = new Uint8Array(8);
  const view = new DataView(item.buffer);
  let at = -header.dataStart;
  await archive.read(member, (chunk) => {
    const from = Math.min(chunk.length, Math.max(0, -at));
    at += from;
    if (size === 4) target.set(chunk.subarray(from), Math.max(0, at));
    else {
      for (let i = from; i < chunk.length; i++) {
        const byte = at + i - from;
        item[byte % size] = chunk[i] as number;
        if (byte % size === size - 1) data[Math.floor(byte / size)] = size === 8 ? view.getFloat64(0, true) : halfToFloat(view.getUint16(0, true));
      }
    }
    at += chunk.length - from;
  });
  return { shape: header.shape, data };
}

/** An array stored in Fortran order, as C order. */
function columnMajor(array: NdArray, where: string, name: string): NdArray {
  if (array.shape.length < 2) return array;
  if (array.shape.length === 2) return transpose({ shape: [...array.shape].reverse(), data: array.data });
  throw new SalmonError('unsupported', { what: `Array "${name}" is in Fortran order`, where, expected: 'at most two axes', got: `[${array.shape.join(', ')}]` });
}

/** A zip without its 64-bit extension ends here. */
const MAX_NPZ_BYTES = 0xffffffff - (1 << 20);
const CHUNK_BYTES = 4 << 20;

/**
 * Writes float32 arrays to a .npz file, stored: a temporary neighbour first, synced, then renamed over `path`.
 * @throws SalmonError `unsupported` beyond 4 GB.
 */
export async function writeNpz(path: string, arrays: Readonly<Record<string, NdArray>>): Promise<void> {
  const total = Object.values(arrays).reduce((sum, { data }) => sum + data.byteLength, 0);
  if (total > MAX_NPZ_BYTES) {
    throw new SalmonError('unsupported', { what: 'Arrays are too large for a .npz without 64-bit sizes', where: path, expected: `at most ${MAX_NPZ_BYTES} bytes`, got: `${total} bytes`, todo: 'Write it as saelens' });
  }
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = createWriteStream(temporary);
    const failed = finished(file);
    let room: Promise<void> | undefined;
    const zip = new Zip((error, chunk, final) => {
      if (error) file.destroy(error);
      else if (!file.write(chunk)) room = new Promise((resolve) => file.once('drain', resolve));
      if (final) file.end();
    });
    for (const [name, array] of Object.entries(arrays)) {
      const member = new ZipPassThrough(`${name}.npy`);
      member.mtime = '1980-01-01T00:00:00';
      zip.add(member);
      member.push(npyHeaderBytes(array.shape));
      const bytes = new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
      for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
        member.push(bytes.subarray(from, from + CHUNK_BYTES));
        if (room !== undefined) await Promise.race([room, failed]);
        room = undefined;
      }
      member.push(new Uint8Array(0), true);
    }
    zip.end();
    await failed;
    const handle = await open(temporary, 'r+');
    await handle.sync().finally(() => handle.close());
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
