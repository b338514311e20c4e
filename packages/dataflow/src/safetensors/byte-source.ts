import { open } from 'node:fs/promises';
import { SalmonError } from '../errors.js';

/** Random access to bytes: a file, a blob, or a remote file read by ranges. */
export interface ByteSource {
  /** What error messages call it. */
  readonly label: string;
  readonly size: number;
  /** Fills `into` with the bytes from `offset` on, all of them, or throws. */
  read(into: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** Largest single read: the kernel caps a call at 2 GiB. */
const MAX_READ = 1 << 30;

/**
 * A local file as a byte source.
 * @throws SalmonError `missing-file` when there is no such file, `bad-file` when it shrinks while being read.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new SalmonError('bad-file', { what: 'Not a file', where: path, expected: 'a file', got: 'something else' });
    const read = async (into: Uint8Array, offset: number): Promise<void> => {
      for (let done = 0; done < into.byteLength; ) {
        const length = Math.min(MAX_READ, into.byteLength - done);
        const { bytesRead } = await handle.read(into, done, length, offset + done);
        if (bytesRead === 0) {
          const got = `${offset + done} bytes`;
          throw new SalmonError('bad-file', { what: 'File ends early', where: path, expected: `${offset + into.byteLength} bytes`, got });
        }
        done += bytesRead;
      }
    };
    return { label: path, size: stat.size, read, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Bytes in memory as a byte source. */
export function bytesSource(bytes: Uint8Array, label = 'bytes'): ByteSource {
  return {
    label,
    size: bytes.byteLength,
    read: async (into, offset) => {
      const part = bytes.subarray(offset, offset + into.byteLength);
      if (part.byteLength !== into.byteLength) {
        const expected = `${offset + into.byteLength} bytes`;
        throw new SalmonError('bad-file', { what: 'Data ends early', where: label, expected, got: `${bytes.byteLength} bytes` });
      }
      into.set(part);
    },
    close: async () => undefined,
  };
}

function unreadable(path: string, cause: unknown): SalmonError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  const missing = code === 'ENOENT' || code === 'ENOTDIR';
  return new SalmonError(
    missing ? 'missing-file' : 'bad-file',
    { what: missing ? 'File not found' : 'File cannot be opened', where: path, got: code, todo: 'Check the path' },
    { cause },
  );
}
