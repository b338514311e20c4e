import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { SalmonError } from '../errors.js';

/**
 * A seal over a Parquet file of ours, because parquetjs-lite can run for ever or fill the memory on damaged bytes: what it decodes is checked
 * before. It stands in the gap between the last row group and the footer, which Parquet readers pass over:
 * per section (the leading magic, each row group, the page indexes) its length (u64) and CRC-32 (u32); the number of sections (u32); SHA-256 of
 * all that and the footer; eight bytes of magic. Little-endian.
 */
const MAGIC = Buffer.from('SALMSEAL');
const ENTRY = 12;
const TAIL = 4 + 32 + MAGIC.length;

export interface Section {
  readonly length: number;
  readonly crc: number;
}

export function sectionOf(bytes: Uint8Array): Section {
  return { length: bytes.length, crc: crc32(bytes) };
}

export function sealOf(sections: readonly Section[], footer: Uint8Array): Buffer {
  const table = Buffer.alloc(sections.length * ENTRY + 4);
  for (const [i, { length, crc }] of sections.entries()) {
    table.writeBigUInt64LE(BigInt(length), i * ENTRY);
    table.writeUInt32LE(crc, i * ENTRY + 8);
  }
  table.writeUInt32LE(sections.length, sections.length * ENTRY);
  return Buffer.concat([table, digest(table, footer), MAGIC]);
}

export interface SealedGroup {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/** Checks footer and seal of a file and returns where its sections after the leading magic lie. Throws `bad-file`. */
export async function readSeal(file: FileHandle, size: number, path: string): Promise<readonly SealedGroup[]> {
  const cutOff = (got: string): SalmonError =>
    new SalmonError('bad-file', {
      what: 'This is not a whole Parquet file',
      where: path,
      expected: 'a file written by this package, closed properly',
      got,
      todo: 'It was cut off or damaged: make it again',
    });
  const end = await readBytes(file, size - 8, 8);
  if (end === undefined || end.toString('latin1', 4) !== 'PAR1') throw cutOff(`${size} bytes without the mark at the end`);
  const footerAt = size - 8 - end.readUInt32LE(0);
  const tail = await readBytes(file, footerAt - TAIL, TAIL);
  if (tail === undefined || !tail.subarray(-MAGIC.length).equals(MAGIC)) {
    throw new SalmonError('bad-file', { what: 'This Parquet file was written by something else', where: path, expected: 'a footer sealed by this package', got: 'none', todo: 'Read it with readForeignParquet (or make it again, if it was ours)' });
  }
  const count = tail.readUInt32LE(0);
  const table = await readBytes(file, footerAt - TAIL - count * ENTRY, count * ENTRY + 4);
  const footer = await readBytes(file, footerAt, size - footerAt);
  if (table === undefined || footer === undefined || !digest(table, footer).equals(tail.subarray(4, 36))) throw cutOff('a footer that does not match its seal');
  const groups: SealedGroup[] = [];
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const length = Number(table.readBigUInt64LE(i * ENTRY));
    if (i > 0) groups.push({ offset, length, crc: table.readUInt32LE(i * ENTRY + 8) });
    offset += length;
  }
  return groups;
}

/** The bytes of one row group, or `bad-file` when they are not those that were written. */
export async function readSealed(file: FileHandle, group: SealedGroup, where: string): Promise<Buffer> {
  const bytes = await readBytes(file, group.offset, group.length);
  if (bytes !== undefined && crc32(bytes) === group.crc) return bytes;
  throw new SalmonError('bad-file', {
    what: 'A part of this Parquet file is damaged',
    where,
    expected: `${group.length} bytes with CRC-32 ${group.crc.toString(16)}`,
    got: bytes === undefined ? 'fewer' : crc32(bytes).toString(16),
    todo: 'Check the disk and make the file again',
  });
}

export async function readBytes(file: FileHandle, offset: number, length: number): Promise<Buffer | undefined> {
  if (offset < 0 || length < 0) return undefined;
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return bytes;
}

function digest(table: Uint8Array, footer: Uint8Array): Buffer {
  return createHash('sha256').update(table).update(footer).digest();
}
