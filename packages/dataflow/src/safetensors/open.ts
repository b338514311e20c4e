import type { NdArray } from '../currency.js';
import { SalmonError } from '../errors.js';
import { fileSource } from './byte-source.js';
import type { ByteSource } from './byte-source.js';
import { dtypeBytes, elementReader } from './dtype.js';
import type { SafetensorsDtype } from './dtype.js';
import { headerLength, parseSafetensorsHeader, product } from './header.js';
import type { SafetensorsHeader, TensorEntry, TensorInfo } from './header.js';

/** An int32 array with its shape. */
export interface IntArray {
  readonly shape: readonly number[];
  readonly data: Int32Array;
}

/** Read access to named tensors; only the header is in memory until a tensor is asked for. */
export interface SafetensorsReader {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  info(name: string): TensorInfo;
  /** Any dtype as float32; F64 and integers are rounded to the nearest float32. */
  read(name: string): Promise<NdArray>;
  /** Integer dtypes (and BOOL) as int32; a value outside int32 is an error. */
  readInt32(name: string): Promise<IntArray>;
  /** Rows [from, to) of the first axis as float32, reading only their bytes. */
  readRows(name: string, from: number, to: number): Promise<NdArray>;
  /** Rows [from, to) of the first axis as they lie in the file: little-endian, in the stored dtype. */
  readBytes(name: string, from: number, to: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes converted at a time when the stored dtype is not the one asked for. */
const CHUNK_BYTES = 4 << 20;

/**
 * Opens a safetensors file (a path, or any byte source, which is closed with the reader).
 * @throws SalmonError `missing-file`, or `bad-file` when the header breaks a rule of the format.
 */
export async function openSafetensors(from: string | ByteSource): Promise<SafetensorsReader> {
  const source = typeof from === 'string' ? await fileSource(from) : from;
  try {
    const first = new Uint8Array(8);
    if (source.size >= 8) await source.read(first, 0);
    const length = headerLength(first, source.size, source.label);
    const header = new Uint8Array(length);
    await source.read(header, 8);
    return reader(source, parseSafetensorsHeader(header, source.size - 8 - length, source.label), 8 + length);
  } catch (error) {
    await source.close();
    throw error;
  }
}

function reader(source: ByteSource, header: SafetensorsHeader, dataStart: number): SafetensorsReader {
  const entry = (name: string): TensorEntry => {
    const found = header.tensors.get(name);
    if (found !== undefined) return found;
    const names = [...header.tensors.keys()];
    const listed = names.slice(0, 20).join(', ') + (names.length > 20 ? ', ...' : '');
    throw new SalmonError('bad-file', { what: `Tensor "${name}" is missing`, where: source.label, expected: name, got: listed || 'no tensors' });
  };
  const floats = async (name: string, at: TensorEntry, offset: number, shape: readonly number[]): Promise<NdArray> => {
    const data = allocate(product(shape), name, source.label, (n) => new Float32Array(n));
    if (at.dtype === 'F32') await source.read(new Uint8Array(data.buffer), offset);
    else if (at.dtype === 'BF16') await widen(source, offset, new Uint32Array(data.buffer));
    else {
      await convert(source, { dtype: at.dtype, offset, count: data.length }, (value, i) => {
        data[i] = value;
        if (data[i] === value || Math.abs(value) === Infinity || Number.isFinite(data[i])) return;
        if (value === value) throw outOfRange(name, source.label, 'values that fit float32', value);
      });
    }
    return { shape, data };
  };
  const rowsOf = (name: string, from: number, to: number): { readonly at: TensorEntry; readonly offset: number; readonly rest: readonly number[] } => {
    const at = entry(name);
    const [rows, ...rest] = at.shape;
    if (rows === undefined || !Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from > to || to > rows) {
      const expected = rows === undefined ? 'a tensor of rank 1 or more' : `0 <= from <= to <= ${rows}`;
      throw new SalmonError('bad-shape', { what: `Rows of tensor "${name}" do not exist`, where: source.label, expected, got: `${from} to ${to}` });
    }
    return { at, offset: dataStart + at.begin + from * product(rest) * dtypeBytes(at.dtype), rest };
  };
  return {
    names: [...header.tensors.keys()],
    metadata: header.metadata,
    has: (name) => header.tensors.has(name),
    info: (name) => {
      const { dtype, shape } = entry(name);
      return { dtype, shape };
    },
    read: async (name) => {
      const at = entry(name);
      return floats(name, at, dataStart + at.begin, at.shape);
    },
    readInt32: async (name) => {
      const at = entry(name);
      if (at.dtype.startsWith('F') || at.dtype === 'BF16') {
        throw new SalmonError('bad-file', { what: `Tensor "${name}" holds no integers`, where: source.label, expected: 'an integer dtype', got: at.dtype });
      }
      const data = allocate(product(at.shape), name, source.label, (n) => new Int32Array(n));
      if (at.dtype === 'I32') await source.read(new Uint8Array(data.buffer), dataStart + at.begin);
      else {
        await convert(source, { dtype: at.dtype, offset: dataStart + at.begin, count: data.length }, (value, i) => {
          data[i] = value;
          if (data[i] !== value) throw outOfRange(name, source.label, 'values that fit int32', value);
        });
      }
      return { shape: at.shape, data };
    },
    readRows: async (name, from, to) => {
      const { at, offset, rest } = rowsOf(name, from, to);
      return floats(name, at, offset, [to - from, ...rest]);
    },
    readBytes: async (name, from, to) => {
      const { at, offset, rest } = rowsOf(name, from, to);
      const bytes = allocate((to - from) * product(rest) * dtypeBytes(at.dtype), name, source.label, (n) => new Uint8Array(n));
      await source.read(bytes, offset);
      return bytes;
    },
    close: () => source.close(),
  };
}

interface Span {
  readonly dtype: SafetensorsDtype;
  readonly offset: number;
  readonly count: number;
}

async function convert(source: ByteSource, span: Span, store: (value: number, i: number) => void): Promise<void> {
  const size = dtypeBytes(span.dtype);
  const element = elementReader(span.dtype);
  const step = Math.min(CHUNK_BYTES / size, span.count);
  const chunk = new Uint8Array(step * size);
  const view = new DataView(chunk.buffer);
  for (let done = 0; done < span.count; done += step) {
    const n = Math.min(step, span.count - done);
    await source.read(chunk.subarray(0, n * size), span.offset + done * size);
    for (let i = 0; i < n; i++) store(element(view, i), done + i);
  }
}

/** bfloat16 is the upper half of a float32. */
async function widen(source: ByteSource, offset: number, into: Uint32Array): Promise<void> {
  const chunk = new Uint16Array(Math.min(CHUNK_BYTES / 2, into.length));
  for (let done = 0; done < into.length; done += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, into.length - done));
    await source.read(new Uint8Array(part.buffer, 0, part.byteLength), offset + 2 * done);
    for (let i = 0; i < part.length; i++) into[done + i] = (part[i] as number) << 16;
  }
}

function allocate<T>(count: number, name: string, where: string, make: (n: number) => T): T {
  try {
    return make(count);
  } catch (cause) {
    const parts = { what: `Tensor "${name}" does not fit in memory`, where, got: `${count} elements`, todo: 'Read it by rows' };
    throw new SalmonError('unsupported', parts, { cause });
  }
}

function outOfRange(name: string, where: string, expected: string, value: number): SalmonError {
  return new SalmonError('bad-file', { what: `Tensor "${name}" cannot be converted`, where, expected, got: String(value) });
}
