import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { asFileError } from './file-error.js';

/** Bytes or text to write; pieces of an iterable are written one after the other. */
export type FileData = string | Uint8Array | Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/**
 * Writes a file so that readers see the old content or the whole new one: temporary file beside it, fsync, rename.
 *
 * Makes missing folders. On any failure the temporary file is removed and the old file stays; a full disk is
 * `SalmonError('no-space')`.
 */
export async function writeFileAtomic(path: string, data: FileData): Promise<void> {
  const target = resolve(path);
  const temporary = temporaryName(target);
  try {
    await mkdir(dirname(target), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      for await (const piece of pieces(data)) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await discard(temporary);
    throw asFileError(error, path, 'write');
  }
}

/**
 * Writes a folder so that it is there whole or not at all: `fill` gets a temporary folder beside it, whose files are then
 * fsynced before it is renamed into place.
 *
 * An existing folder is replaced: it is moved aside first and removed after, so a crash between the two renames leaves it under
 * a name ending in `.old`. When `fill` fails the temporary folder is removed and an existing folder stays untouched.
 */
export async function writeDirectoryAtomic<T>(path: string, fill: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(path);
  const temporary = temporaryName(target);
  try {
    await mkdir(temporary, { recursive: true });
    const result = await fill(temporary);
    await syncTree(temporary);
    await replaceFolder(temporary, target);
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    await discard(temporary);
    throw asFileError(error, path, 'write');
  }
}

/** Removes what a failed write left. Where even that fails, the first failure is the one to tell. */
async function discard(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

async function replaceFolder(from: string, to: string): Promise<void> {
  const aside = `${temporaryName(to)}.old`;
  let moved = false;
  try {
    await rename(to, aside);
    moved = true;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    await rename(from, to);
  } catch (error) {
    if (moved) await rename(aside, to);
    throw error;
  }
  if (moved) await rm(aside, { recursive: true, force: true });
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncFile(path);
  }
  await syncFolder(folder);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename durable; systems without folder handles (Windows) do without. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Hidden, beside the target (a rename must not cross file systems), and unlike any other writer's. */
function temporaryName(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.tmp`);
}

async function* pieces(data: FileData): AsyncGenerator<string | Uint8Array> {
  if (typeof data === 'string' || data instanceof Uint8Array) yield data;
  else yield* data;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
