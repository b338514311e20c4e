import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SalmonError, writeDirectoryAtomic } from '@salmon-sae/dataflow';
import { decoderMap } from './run/decoder-map.js';
import { openRun } from './run/open-run.js';
import { pageFiles } from './server/page-files.js';

export interface StaticOptions {
  readonly run: string;
  /** Folder to write; replaced as a whole. */
  readonly out: string;
}

export interface StaticSite {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
}

/** Writes the explorer as a site of plain files for any static host; everything but the live page works. */
export async function buildStatic({ run: from, out }: StaticOptions): Promise<StaticSite> {
  const run = await openRun(from);
  const target = resolve(out);
  if (`${run.folder}/`.startsWith(`${target}/`)) {
    throw new SalmonError('usage', { what: 'The static site would replace the run', where: target, expected: 'a folder of its own', got: 'the run folder or one above it' });
  }
  const there = await readdir(target).catch((): string[] => []);
  if (there.length > 0 && !there.includes('data')) {
    throw new SalmonError('usage', { what: 'The static site would replace a folder that is not one', where: target, expected: 'a new or empty folder, or an earlier static site', got: there.slice(0, 3).join(', ') });
  }
  const page = await pageFiles();
  let files = 0;
  let bytes = 0;
  await writeDirectoryAtomic(target, async (folder) => {
    const write = async (name: string, data: string | Uint8Array): Promise<void> => {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, data);
      files += 1;
      bytes += typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    };
    for (const file of page.values()) if (!/^(assets\/)?rating/.test(file.path)) await write(file.path, file.bytes);
    await write('data/run.json', JSON.stringify(run.data(false)));
    for (const set of run.sets) {
      await write(`data/${set.data.id}/features.json`, JSON.stringify(set.cards.features));
      for (let n = 0; n < set.cards.chunks; n++) await write(`data/${set.data.id}/cards/${n}.json`, JSON.stringify({ cards: await set.cards.chunk(n) }));
      await write(`data/${set.data.id}/map.json`, JSON.stringify(await decoderMap(run, set)));
    }
  });
  return { folder: target, files, bytes };
}
