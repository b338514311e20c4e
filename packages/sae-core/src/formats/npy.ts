import { SalmonError } from '@salmon-sae/dataflow';

/** The header of a .npy file. */
export interface NpyHeader {
  /** <f2, <f4 or <f8 */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the data begin. */
  readonly dataStart: number;
}

/** NumPy aligns headers to 64 bytes; a longer one than this describes no plain array. */
export const NPY_MAX_HEADER = 4096;

const ITEM_BYTES: Readonly<Record<string, number>> = { '<f2': 2, '<f4': 4, '<f8': 8 };

export function npyItemBytes(header: NpyHeader): number {
  return ITEM_BYTES[header.descr] ?? 0;
}

/**
 * Parses the header of a .npy file (format 1.0 to 3.0, NEP 1) from its first bytes: a magic string, a version, a length and a
 * Python dict literal with exactly descr, fortran_order and shape. Only little-endian floats are taken.
 * @throws SalmonError `bad-file` naming what is wrong.
 */
export function parseNpyHeader(bytes: Uint8Array, where: string): NpyHeader {
  const refuse = (what: string, expected: string, got: string): never => {
    throw new SalmonError('bad-file', { what, where, expected, got });
  };
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) refuse('Not a .npy array', 'the magic bytes \\x93NUMPY', `${bytes.length} other bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = view.getUint8(6);
  if (major < 1 || major > 3) refuse('Unknown .npy version', '1, 2 or 3', String(major));
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : bytes.length >= 12 ? view.getUint32(8, true) : NPY_MAX_HEADER;
  if (start + length > NPY_MAX_HEADER) refuse('.npy header is too long', `at most ${NPY_MAX_HEADER} bytes`, `${start + length} bytes`);
  if (start + length > bytes.length) refuse('.npy header reaches beyond the data', `at most ${bytes.length} bytes`, `${start + length} bytes`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
  const fields = /^\{\s*((?:'(?:descr|fortran_order|shape)'\s*:\s*(?:'[^']*'|True|False|\([\d\s,]*\))\s*,?\s*){3})\}\s*$/.exec(text)?.[1] ?? '';
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(fields)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(fields)?.[1];
  const shapeText = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(fields)?.[1];
  if (descr === undefined || order === undefined || shapeText === undefined) {
    return refuse('.npy header is malformed', "{'descr': ..., 'fortran_order': ..., 'shape': ...}", text.slice(0, 80).trim());
  }
  if (ITEM_BYTES[descr] === undefined) refuse('Array has a dtype that is not taken', Object.keys(ITEM_BYTES).join(', '), descr);
  const shape = shapeText.split(',').map((part) => part.trim()).filter((part) => part !== '').map(Number);
  if (!shape.every((size) => Number.isSafeInteger(size)) || shape.length > 8) refuse('.npy shape is malformed', 'whole numbers', `(${shapeText})`);
  return { descr, fortranOrder: order === 'True', shape, dataStart: start + length };
}

/** A .npy file's first bytes for a float32 array in C order. */
export function npyHeaderBytes(shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const bytes = Buffer.alloc(10 + length, 0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  bytes.writeUInt16LE(length, 8);
  bytes.write(dict, 10, 'latin1');
  bytes[bytes.length - 1] = 0x0a;
  return bytes;
}
