import { SalmonError } from '../errors.js';
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from '../safetensors/dtype.js';
import { blobBytes, describeColumn } from './column.js';
import type { ParquetColumn } from './column.js';

/** Where a value stands, for messages. */
export interface Place {
  readonly path: string;
  readonly column: string;
  readonly row: number;
}

/** A row's value as parquetjs-lite takes it. Blobs become fresh little-endian bytes: the library would keep one byte per float. */
export function toStored(column: ParquetColumn, value: unknown, place: Place): unknown {
  switch (column.kind) {
    case 'text':
      if (typeof value === 'string') return value;
      break;
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'int32':
      if (typeof value === 'number' && (value | 0) === value) return value;
      break;
    case 'int64':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
      break;
    case 'double':
      if (typeof value === 'number' && !Number.isNaN(value)) return value;
      if (column.optional === true && typeof value === 'number') return null;
      break;
    case 'floats':
      if (value instanceof Float32Array && value.length === column.width) return floatBytes(value, column.element);
      break;
    case 'ints':
      if (value instanceof Int32Array && value.length === column.width) {
        const bytes = Buffer.allocUnsafe(value.length * 4);
        for (let i = 0; i < value.length; i++) bytes.writeInt32LE(value[i]!, i * 4);
        return bytes;
      }
      break;
    case 'bytes':
      if (value instanceof Uint8Array && value.length === column.width) return Buffer.from(value);
      break;
  }
  if (value === null && 'optional' in column && column.optional === true) return null;
  throw new SalmonError('bad-shape', {
    what: 'A value does not fit its Parquet column',
    where: `${place.path}, column ${place.column}, row ${place.row}`,
    expected: describeColumn(column),
    got: describe(value),
    ...(column.kind === 'double' ? { todo: 'Make the column optional to store NaN (it becomes null)' } : {}),
  });
}

/** A value as parquetjs-lite returns it, in the types of this side; vectors are copies of their own. */
export function fromStored(column: ParquetColumn, value: unknown, place: Place): unknown {
  if (value === undefined || value === null) {
    if ('optional' in column && column.optional === true) return null;
  } else if (column.kind === 'int64') {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
  } else if (column.kind === 'text') {
    if (typeof value === 'string') return value;
  } else if (column.kind === 'boolean') {
    if (typeof value === 'boolean') return value;
  } else if (column.kind === 'int32' || column.kind === 'double') {
    if (typeof value === 'number') return value;
  } else if (isBlob(column) && value instanceof Uint8Array && value.length === blobBytes(column)) {
    // A slice of the page: copied, because it may be misaligned and would keep the whole page in memory.
    if (column.kind === 'bytes') return new Uint8Array(value);
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    if (column.kind === 'ints') return Int32Array.from({ length: column.width }, (_, i) => view.getInt32(i * 4, true));
    return floatsOf(value, view, column.width, column.element);
  }
  throw new SalmonError('bad-file', {
    what: 'A Parquet file holds a value that does not fit its column',
    where: `${place.path}, column ${place.column}, row ${place.row}`,
    expected: describeColumn(column),
    got: describe(value),
    todo: 'The file is damaged or was written by something else: make it again',
  });
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function floatBytes(values: Float32Array, element: 'f32' | 'f16' | 'bf16'): Buffer {
  if (element === 'f32' && LITTLE_ENDIAN) return Buffer.from(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  const bytes = Buffer.allocUnsafe(values.length * (element === 'f32' ? 4 : 2));
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (element === 'f32') bytes.writeFloatLE(value, i * 4);
    else bytes.writeUInt16LE(element === 'f16' ? floatToHalf(value) : floatToBfloat(value), i * 2);
  }
  return bytes;
}

function floatsOf(bytes: Uint8Array, view: DataView, width: number, element: 'f32' | 'f16' | 'bf16'): Float32Array {
  const values = new Float32Array(width);
  if (element === 'f32' && LITTLE_ENDIAN) {
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }
  for (let i = 0; i < width; i++) {
    if (element === 'f32') values[i] = view.getFloat32(i * 4, true);
    else values[i] = element === 'f16' ? halfToFloat(view.getUint16(i * 2, true)) : bfloatToFloat(view.getUint16(i * 2, true));
  }
  return values;
}

function isBlob(column: ParquetColumn): column is Extract<ParquetColumn, { readonly width: number }> {
  return 'width' in column;
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${value.byteLength} bytes`;
  return `${typeof value} ${String(value).slice(0, 60)}`;
}
