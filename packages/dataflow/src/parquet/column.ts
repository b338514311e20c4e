import { SalmonError } from '../errors.js';

/** How the floats of a vector column are stored; they are Float32Array on this side in every case. */
export type FloatElement = 'f32' | 'f16' | 'bf16';

/** One column of a Parquet file. */
export type ParquetColumn =
  | { readonly kind: 'text' | 'int32' | 'int64' | 'double' | 'boolean'; readonly optional?: true }
  /** `width` floats a row, little-endian, in one fixed-length blob. f16 and bf16 round to nearest, ties to even. */
  | { readonly kind: 'floats'; readonly width: number; readonly element: FloatElement }
  /** `width` 32-bit integers a row, little-endian, in one fixed-length blob. */
  | { readonly kind: 'ints'; readonly width: number }
  /** `width` bytes a row. */
  | { readonly kind: 'bytes'; readonly width: number };

export interface ParquetSchema {
  readonly [name: string]: ParquetColumn;
}

/** What a row holds in a column. int64 is a number: integers beyond 2^53 are refused, both ways. */
export type ColumnValue<C extends ParquetColumn> = C extends { readonly kind: 'text' }
  ? string | Missing<C>
  : C extends { readonly kind: 'int32' | 'int64' | 'double' }
    ? number | Missing<C>
    : C extends { readonly kind: 'boolean' }
      ? boolean | Missing<C>
      : C extends { readonly kind: 'floats' }
        ? Float32Array
        : C extends { readonly kind: 'ints' }
          ? Int32Array
          : Uint8Array;

type Missing<C> = C extends { readonly optional: true } ? null : never;

export type ParquetRow<S extends ParquetSchema> = { readonly [Name in keyof S]: ColumnValue<S[Name]> };

const SCALARS = ['text', 'int32', 'int64', 'double', 'boolean'] as const;

export const text = { kind: 'text' } as const;
export const int32 = { kind: 'int32' } as const;
export const int64 = { kind: 'int64' } as const;
export const double = { kind: 'double' } as const;
export const boolean = { kind: 'boolean' } as const;

/** The same column where a row may hold null. NaN, which Parquet writers treat each in their own way, becomes null in an optional double. */
export function optional<K extends (typeof SCALARS)[number]>(column: { readonly kind: K }): { readonly kind: K; readonly optional: true } {
  return { kind: column.kind, optional: true };
}

export function floatBlob<E extends FloatElement = 'f32'>(width: number, element?: E): { readonly kind: 'floats'; readonly width: number; readonly element: E } {
  return { kind: 'floats', width: checkedWidth(width), element: element ?? ('f32' as E) };
}

export function intBlob(width: number): { readonly kind: 'ints'; readonly width: number } {
  return { kind: 'ints', width: checkedWidth(width) };
}

export function byteBlob(width: number): { readonly kind: 'bytes'; readonly width: number } {
  return { kind: 'bytes', width: checkedWidth(width) };
}

/** Bytes a row of a blob column takes; undefined for scalar columns. */
export function blobBytes(column: ParquetColumn): number | undefined {
  switch (column.kind) {
    case 'floats':
      return column.width * (column.element === 'f32' ? 4 : 2);
    case 'ints':
      return column.width * 4;
    case 'bytes':
      return column.width;
    default:
      return undefined;
  }
}

export function describeColumn(column: ParquetColumn): string {
  if (column.kind === 'floats') return `${column.width} ${column.element} values`;
  if (column.kind === 'ints') return `${column.width} 32-bit integers`;
  if (column.kind === 'bytes') return `${column.width} bytes`;
  return `${column.optional === true ? 'optional ' : ''}${column.kind}`;
}

/** Reads a schema back from the JSON kept in a file; undefined when it is not one. */
export function parseSchema(json: string): ParquetSchema | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.values(value).every(isColumn) ? (value as ParquetSchema) : undefined;
}

function isColumn(value: unknown): value is ParquetColumn {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  if ((SCALARS as readonly unknown[]).includes(value.kind)) return true;
  if (!('width' in value) || typeof value.width !== 'number' || !Number.isInteger(value.width) || value.width < 1) return false;
  if (value.kind === 'floats') return 'element' in value && ['f32', 'f16', 'bf16'].includes(value.element as string);
  return value.kind === 'ints' || value.kind === 'bytes';
}

function checkedWidth(width: number): number {
  if (Number.isInteger(width) && width >= 1) return width;
  throw new SalmonError('bad-config', { what: 'A vector column needs a width', where: 'Parquet schema', expected: 'a whole number of at least 1', got: String(width) });
}
