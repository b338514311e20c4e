import { stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { SalmonError } from '@salmon-sae/dataflow';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';

/** The members of a zip archive, read one at a time with checked sizes and checksums. */
export interface ZipArchive {
  readonly path: string;
  /** Member name -> unpacked size in bytes. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Streams a member to `take`, in order. A `false` from `take` ends it early (the checksum is then not checked). */
  read(name: string, take: (chunk: Uint8Array) => boolean | void): Promise<void>;
  close(): void;
}

/** Weights hardly compress: an archive that unpacks to more than this many times its size (plus slack) is a bomb. */
const MAX_RATIO = 8;
const RATIO_SLACK = 1 << 20;
const MAX_MEMBERS = 4096;

/**
 * Opens a zip archive and checks its directory before anything is unpacked: names that lead elsewhere, repeated names, encryption,
 * too many members, and unpacked sizes out of proportion are refused. Memory: the directory, and one chunk while reading.
 * @throws SalmonError `bad-file`.
 */
export async function openZip(path: string): Promise<ZipArchive> {
  const packed = (await stat(path)).size;
  const refuse = (what: string, expected: string, got: string): never => {
    throw new SalmonError('bad-file', { what, where: path, expected, got, todo: 'Get the file again from its source' });
  };
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false, strictFileNames: true, validateEntrySizes: true }).catch((cause: unknown) => unreadable(path, cause));
  try {
    if (zip.entryCount > MAX_MEMBERS) refuse('Archive has too many members', `at most ${MAX_MEMBERS}`, `${zip.entryCount}`);
    const entries = new Map<string, Entry>();
    let total = 0;
    for await (const entry of zip.eachEntry()) {
      if (entries.has(entry.fileName)) refuse(`Member "${entry.fileName}" is listed twice`, 'every name once', 'a repeated name');
      if (entry.isEncrypted()) refuse(`Member "${entry.fileName}" is encrypted`, 'a plain archive', 'encryption');
      if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) refuse(`Member "${entry.fileName}" uses an unknown compression`, 'stored or deflated', `method ${entry.compressionMethod}`);
      total += entry.uncompressedSize;
      entries.set(entry.fileName, entry);
    }
    const allowed = packed * MAX_RATIO + RATIO_SLACK;
    if (!(total <= allowed)) refuse('Archive unpacks to far more than its size (a zip bomb?)', `at most ${allowed} bytes from ${packed}`, `${total} bytes`);
    return {
      path,
      sizes: new Map([...entries].map(([name, entry]) => [name, entry.uncompressedSize])),
      read: async (name, take) => {
        const entry = entries.get(name);
        if (entry === undefined) return refuse(`Member "${name}" is missing`, name, [...entries.keys()].slice(0, 20).join(', '));
        await readMember(zip, entry, { path, take });
      },
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    return unreadable(path, error);
  }
}

/** A small member as a whole. */
export async function readWhole(archive: ZipArchive, name: string, maxBytes: number): Promise<Buffer> {
  const size = archive.sizes.get(name) ?? 0;
  if (size > maxBytes) throw new SalmonError('bad-file', { what: `Member "${name}" is too large`, where: archive.path, expected: `at most ${maxBytes} bytes`, got: `${size} bytes` });
  const chunks: Uint8Array[] = [];
  await archive.read(name, (chunk) => void chunks.push(chunk));
  return Buffer.concat(chunks);
}

interface Reading {
  readonly path: string;
  readonly take: (chunk: Uint8Array) => boolean | void;
}

async function readMember(zip: ZipFile, entry: Entry, { path, take }: Reading): Promise<void> {
  try {
    const stream = await zip.openReadStreamPromise(entry);
    let checksum = 0;
    let ended = true;
    for await (const chunk of stream) {
      checksum = crc32(chunk as Uint8Array, checksum);
      if (take(chunk as Uint8Array) === false) {
        ended = false;
        break;
      }
    }
    if (ended && checksum !== entry.crc32) {
      throw new SalmonError('bad-file', {
        what: `Member "${entry.fileName}" is damaged`,
        where: path,
        expected: `checksum ${entry.crc32.toString(16)}`,
        got: checksum.toString(16),
        todo: 'Get the file again from its source',
      });
    }
  } catch (error) {
    unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): never {
  if (cause instanceof SalmonError) throw cause;
  const got = cause instanceof Error ? cause.message : String(cause);
  throw new SalmonError('bad-file', { what: 'Archive cannot be read', where: path, expected: 'a zip file', got, todo: 'Get the file again from its source' }, { cause });
}
