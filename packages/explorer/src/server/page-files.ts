import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import { sourceHash } from './source-hash.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const PACKAGE = join(import.meta.dirname, '..', '..');
const SOURCE = join(PACKAGE, 'page');
const BUILT = join(PACKAGE, 'dist', 'page');
const STAMP = '.source-hash';

/**
 * The built page, whole, in memory: requests are answered from this list and never reach the file system. The package ships it built; in a
 * checkout it is built when missing or older than its source. Throws `missing-file` where it can be neither found nor built.
 */
export async function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  await buildIfStale();
  const names = await readdir(BUILT, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && TYPES[extname(entry.name)] !== undefined);
  const loaded = await Promise.all(
    files.map(async (entry): Promise<PageFile> => {
      const full = join(entry.parentPath, entry.name);
      return { path: relative(BUILT, full).replaceAll('\\', '/'), type: TYPES[extname(entry.name)] ?? '', bytes: new Uint8Array(await readFile(full)) };
    }),
  );
  return new Map(loaded.map((file) => [file.path, file]));
}

async function buildIfStale(): Promise<void> {
  const hash = await sourceHash(PACKAGE);
  const built = await readFile(join(BUILT, STAMP), 'utf8').catch(() => undefined);
  if (hash === undefined || hash === built) {
    if (await stat(join(BUILT, 'index.html')).catch(() => undefined)) return;
    throw new SalmonError('missing-file', { what: 'The page of the explorer has not been built', where: BUILT, expected: 'index.html and its scripts', got: 'nothing', todo: 'Install the package again' });
  }
  try {
    const { build } = await import('vite');
    await build({ root: SOURCE, configFile: join(SOURCE, 'vite.config.ts'), logLevel: 'error' });
  } catch (cause) {
    throw new SalmonError(
      'missing-file',
      { what: 'The page of the explorer could not be built', where: SOURCE, expected: 'vite and preact, which the workspace installs', got: (cause as Error).message, todo: 'Run `npm ci` in the checkout' },
      { cause },
    );
  }
}
