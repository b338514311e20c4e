import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SalmonError } from '../errors.js';
import { asFileError } from '../file-error.js';
import { hubFetch, pause } from './hub-fetch.js';
import type { HubSettings } from './hub-options.js';

/** A file as the hub lists it. */
export interface RemoteBlob {
  readonly url: string;
  readonly size: number;
  /** What the content must hash to: sha256 of a large file, git's sha1 of a small one. */
  readonly hash: { readonly kind: 'sha256' | 'git-sha1'; readonly hex: string };
}

/**
 * Downloads a file to `path`, through `<path>.incomplete`: a partial file is continued, not begun anew, and the result is
 * put into place only when size and hash are right. `onBytes` is told how many bytes are there.
 */
export async function downloadBlob(blob: RemoteBlob, path: string, context: { readonly settings: HubSettings; readonly onBytes: (bytes: number) => void }): Promise<void> {
  const partial = `${path}.incomplete`;
  await mkdir(dirname(path), { recursive: true });
  // A partial file of an earlier run may be damaged: when the hash is wrong, one more try starts from nothing.
  const continued = (await sizeOf(partial)) > 0;
  await fetchRest(blob, partial, context);
  let found = await hashOf(partial, blob);
  if (found !== blob.hash.hex && continued) {
    await rm(partial, { force: true });
    await fetchRest(blob, partial, context);
    found = await hashOf(partial, blob);
  }
  if (found !== blob.hash.hex) {
    await rm(partial, { force: true });
    throw new SalmonError('bad-file', {
      what: 'A downloaded file is not what the hub lists',
      where: blob.url,
      expected: `${blob.hash.kind} ${blob.hash.hex}`,
      got: found,
      todo: 'Try again; if it happens again, a proxy may be changing files on the way',
    });
  }
  await rename(partial, path);
}

/** Fetches until the partial file has its full size; tries that bring nothing are counted. */
async function fetchRest(blob: RemoteBlob, partial: string, { settings, onBytes }: { settings: HubSettings; onBytes: (bytes: number) => void }): Promise<void> {
  let idle = 0;
  for (;;) {
    const have = await sizeOf(partial);
    if (have === blob.size && (have > 0 || (await exists(partial)))) return;
    if (have > blob.size) {
      await rm(partial, { force: true });
      continue;
    }
    let cause: unknown;
    try {
      await fetchFrom(blob, partial, { settings, onBytes, have });
    } catch (error) {
      if (error instanceof SalmonError) throw error;
      cause = error;
    }
    const now = await sizeOf(partial);
    idle = now > have ? 0 : idle + 1;
    if (now === blob.size) return;
    if (idle >= settings.retry.attempts) {
      throw new SalmonError(
        'network',
        {
          what: 'A download was cut short again and again',
          where: blob.url,
          expected: `${blob.size} bytes`,
          got: `${now} bytes`,
          todo: 'Try again: what has arrived is kept and will be continued',
        },
        { cause },
      );
    }
    await pause(settings.retry.waitMs * 2 ** idle, settings.signal);
  }
}

async function fetchFrom(
  blob: RemoteBlob,
  partial: string,
  from: { readonly settings: HubSettings; readonly onBytes: (bytes: number) => void; readonly have: number },
): Promise<void> {
  const { settings, have } = from;
  const response = await hubFetch(settings)(blob.url, have > 0 ? { headers: { range: `bytes=${have}-` } } : {});
  if (response.status === 416) {
    await response.body?.cancel();
    await rm(partial, { force: true });
    return;
  }
  // A server that ignores the range sends the file from its beginning.
  const append = response.status === 206;
  const file = await opened(partial, append ? 'a' : 'w');
  let written = append ? have : 0;
  try {
    if (response.body === null) return;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      await write(file, chunk, partial);
      written += chunk.byteLength;
      from.onBytes(written);
    }
  } catch (error) {
    if (settings.signal?.aborted === true) throw new SalmonError('cancelled', { what: 'The download was cancelled', where: blob.url }, { cause: error });
    throw error;
  } finally {
    await file.close();
  }
}

async function write(file: FileHandle, chunk: Uint8Array, path: string): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (error) {
    throw asFileError(error, path, 'write');
  }
}

async function opened(path: string, flags: string): Promise<FileHandle> {
  return open(path, flags).catch((error: unknown) => {
    throw asFileError(error, path, 'write');
  });
}

/** sha256 of the content, or git's hash of it as a blob object: sha1("blob <size>\0" + content). */
async function hashOf(path: string, blob: RemoteBlob): Promise<string> {
  const hash = createHash(blob.hash.kind === 'sha256' ? 'sha256' : 'sha1');
  if (blob.hash.kind === 'git-sha1') hash.update(`blob ${blob.size}\0`);
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
