import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeRun, SAES, TEXT } from '../test/make-run.js';
import { scratchFolders } from '../test/scratch.js';
import { buildStatic } from './build-static.js';
import { serveExplorer } from './serve-explorer.js';

const scratch = scratchFolders();

describe('buildStatic', () => {
  it('writes what the server serves, without rating and without live', async () => {
    const run = await makeRun(await scratch(), { latents: 70 });
    const out = join(await scratch(), 'site');
    const site = await buildStatic({ run, out });
    const names = (await readdir(out, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(out.length + 1));
    expect(site.files).toBe(names.length);
    expect(names.filter((name) => name.includes('rating'))).toEqual([]);
    const served = await serveExplorer({ run });
    try {
      for (const name of names.filter((each) => !each.startsWith('data/run'))) {
        const answer = await fetch(new URL(name === 'index.html' ? '' : name, served.url));
        expect([name, answer.status]).toEqual([name, 200]);
        expect(await answer.text()).toBe(await readFile(join(out, name), 'utf8'));
      }
    } finally {
      await served.close();
    }
    for (const sae of SAES) expect(names).toContain(`data/${sae}@${TEXT}/cards/1.json`);
    expect(JSON.parse(await readFile(join(out, 'data/run.json'), 'utf8'))).toMatchObject({ live: false, sets: [{ cards: 70 }, {}, {}] });
    // An earlier site is replaced, anything else is not.
    await buildStatic({ run, out });
    await expect(buildStatic({ run, out: run })).rejects.toThrow(/would replace the run/);
    const other = join(await scratch(), 'other');
    await mkdir(other);
    await writeFile(join(other, 'thesis.tex'), '');
    await expect(buildStatic({ run, out: other })).rejects.toThrow(/would replace a folder/);
  });
});
