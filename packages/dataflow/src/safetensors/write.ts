import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { NdArray } from '../currency.js';
import { SalmonError } from '../errors.js';
import { dtypeBytes, floatToBfloat, floatToHalf } from './dtype.js';
import { product } from './header.js';
import type { IntArray } from './open.js';

/** How float32 data is stored. Int32Array data is always I32. */
export type FloatDtype = 'F32' | 'BF16' | 'F16';

export interface WriteSafetensorsOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** One float dtype for all tensors, or by name (default F32). Conversions round to nearest even. */
  readonly dtype?: FloatDtype | Readonly<Record<string, FloatDtype>>;
}

interface Planned {
  readonly name: string;
  readonly array: NdArray | IntArray;
  readonly dtype: FloatDtype | 'I32';
  readonly bytes: number;
}

const CHUNK_ELEMENTS = 1 << 20;
let writes = 0;

/**
 * Writes tensors to a safetensors file: to a temporary neighbour first, synced, then renamed over `path`.
 * Layout as the reference writer's: wider dtypes first, then by name, header padded to 8 bytes. At most a 4 MB copy is held.
 * @throws SalmonError `bad-shape` when a shape does not match its data.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, NdArray | IntArray>>,
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  const planned = plan(tensors, options);
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${writes++}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(headerBytes(planned, options.metadata));
      for (const tensor of planned) for (const chunk of chunks(tensor)) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const full = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
    if (full) throw new SalmonError('no-space', { what: 'The disk is full', where: path, todo: 'Free some space and run again' }, { cause });
    throw cause;
  }
}

/** The same file as bytes in memory. */
export function encodeSafetensors(tensors: Readonly<Record<string, NdArray | IntArray>>, options: WriteSafetensorsOptions = {}): Uint8Array {
  const planned = plan(tensors, options);
  const header = headerBytes(planned, options.metadata);
  const bytes = new Uint8Array(header.byteLength + planned.reduce((sum, tensor) => sum + tensor.bytes, 0));
  bytes.set(header);
  let at = header.byteLength;
  for (const tensor of planned) {
    for (const chunk of chunks(tensor)) {
      bytes.set(chunk, at);
      at += chunk.byteLength;
    }
  }
  return bytes;
}

function plan(tensors: Readonly<Record<string, NdArray | IntArray>>, options: WriteSafetensorsOptions): readonly Planned[] {
  const planned = Object.entries(tensors).map(([name, array]): Planned => {
    if (name === '__metadata__') {
      throw new SalmonError('bad-config', { what: 'A tensor may not be called __metadata__', expected: 'another name', got: name });
    }
    const count = product(array.shape);
    if (count !== array.data.length || !array.shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
      const expected = `${count} elements for [${array.shape.join(', ')}]`;
      throw new SalmonError('bad-shape', { what: `Tensor "${name}" does not match its shape`, expected, got: `${array.data.length} elements` });
    }
    const asked = typeof options.dtype === 'string' ? options.dtype : options.dtype?.[name];
    const dtype = array.data instanceof Int32Array ? 'I32' : (asked ?? 'F32');
    return { name, array, dtype, bytes: count * dtypeBytes(dtype) };
  });
  return planned.sort((a, b) => dtypeBytes(b.dtype) - dtypeBytes(a.dtype) || (a.name < b.name ? -1 : 1));
}

function headerBytes(planned: readonly Planned[], metadata: Readonly<Record<string, string>> | undefined): Uint8Array {
  const entries: [string, unknown][] = metadata === undefined ? [] : [['__metadata__', metadata]];
  let at = 0;
  for (const { name, array, dtype, bytes } of planned) {
    entries.push([name, { dtype, shape: array.shape, data_offsets: [at, at + bytes] }]);
    at += bytes;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)), 'utf8');
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const header = Buffer.alloc(8 + padded, 0x20);
  header.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(header, 8);
  return header;
}

function* chunks({ array, dtype }: Planned): Generator<Uint8Array> {
  for (let from = 0; from < array.data.length; from += CHUNK_ELEMENTS) {
    const part = array.data.subarray(from, from + CHUNK_ELEMENTS);
    if (dtype === 'F32' || dtype === 'I32') yield new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    else {
      const round = dtype === 'BF16' ? floatToBfloat : floatToHalf;
      const halves = Uint16Array.from(part, round);
      yield new Uint8Array(halves.buffer);
    }
  }
}
