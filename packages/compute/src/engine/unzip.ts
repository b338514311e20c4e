import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SalmonError } from '@salmon-sae/dataflow';
import yauzl from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import type { StageMeter } from './setup-progress.js';

/**
 * Extracts the members that `wanted` accepts, streaming. Members are checked against their recorded size; one that would
 * land outside `folder` is refused. Returns the names extracted.
 */
export async function unzipMembers(
  archive: string,
  folder: string,
  options: { readonly wanted: (name: string) => boolean; readonly meter?: StageMeter },
): Promise<readonly string[]> {
  const zip = await open(archive);
  const names: string[] = [];
  try {
    for (let entry = await next(zip); entry !== undefined; entry = await next(zip)) {
      if (entry.fileName.endsWith('/') || !options.wanted(entry.fileName)) continue;
      const target = path.resolve(folder, entry.fileName);
      if (!target.startsWith(path.resolve(folder) + path.sep)) {
        throw new SalmonError('bad-file', { what: 'An archive member points outside its folder', where: `${archive}: ${entry.fileName}` });
      }
      await mkdir(path.dirname(target), { recursive: true });
      await extract(zip, entry, target, options.meter);
      names.push(entry.fileName);
    }
  } catch (cause) {
    if (cause instanceof SalmonError) throw cause;
    throw new SalmonError('bad-file', { what: 'An archive is damaged', where: archive, got: (cause as Error).message }, { cause });
  } finally {
    zip.close();
  }
  return names;
}

function open(archive: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.open(archive, { lazyEntries: true, autoClose: false }, (cause, zip) => {
      if (cause === null) resolve(zip);
      else reject(new SalmonError('bad-file', { what: 'A file is not a whole zip archive', where: archive, got: cause.message }, { cause }));
    });
  });
}

function next(zip: ZipFile): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    const clear = (): void => {
      zip.removeListener('entry', onEntry);
      zip.removeListener('end', onEnd);
      zip.removeListener('error', onError);
    };
    const onEntry = (entry: Entry): void => {
      clear();
      resolve(entry);
    };
    const onEnd = (): void => {
      clear();
      resolve(undefined);
    };
    const onError = (error: Error): void => {
      clear();
      reject(error);
    };
    zip.on('entry', onEntry);
    zip.on('end', onEnd);
    zip.on('error', onError);
    zip.readEntry();
  });
}

async function extract(zip: ZipFile, entry: Entry, target: string, meter: StageMeter | undefined): Promise<void> {
  const source = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)));
  });
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      meter?.add(chunk.length);
      done(null, chunk);
    },
  });
  await pipeline(source, count, createWriteStream(target));
}
