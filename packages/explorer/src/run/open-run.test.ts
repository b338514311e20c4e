import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSalmonError } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { makeRun, SAES, TEXT } from '../../test/make-run.js';
import { scratchFolders } from '../../test/scratch.js';
import { decoderMap } from './decoder-map.js';
import { openRun } from './open-run.js';

const scratch = scratchFolders();

describe('openRun', () => {
  it('reads every set, its table and its cards by chunks', async () => {
    const run = await openRun(await makeRun(await scratch(), { latents: 150 }));
    expect(run.sets.map(({ data }) => data.id)).toEqual(SAES.map((name) => `${name}@${TEXT}`));
    const [first] = run.sets;
    expect(first?.cards.count).toBe(150);
    expect(first?.cards.chunks).toBe(3);
    const last = await first?.cards.chunk(2);
    expect(last?.map(({ latent }) => latent)).toEqual(Array.from({ length: 22 }, (_, i) => 128 + i));
    const all: number[] = [];
    for await (const card of first?.cards.each() ?? []) all.push(card.latent);
    expect(all).toEqual([...(first?.cards.features.latent ?? [])]);
    const data = run.data(false);
    expect(data.saes.find(({ sae }) => sae === 'sae-wide')?.texts['domain']?.['l0']).toEqual({ value: 16, low: 15.98, high: 16.02 });
    expect(data.saes[0]?.texts['domain']?.['withBos']).toBeUndefined();
  });

  it('uses the cached index until the cards change', async () => {
    const folder = await makeRun(await scratch());
    await openRun(folder);
    const cache = join(folder, 'explorer', `${SAES[0]}@${TEXT}.index.json`);
    const before = (await stat(cache)).mtimeMs;
    await openRun(folder);
    expect((await stat(cache)).mtimeMs).toBe(before);
    const cards = join(folder, 'cards', TEXT, `${SAES[0]}.jsonl`);
    const line = (await readFile(cards, 'utf8')).split('\n')[0] ?? '';
    await appendFile(cards, `${line.replace('"latent":0', '"latent":77')}\n`);
    const again = await openRun(folder);
    expect(again.sets[0]?.cards.features.latent.at(-1)).toBe(77);
    await writeFile(cache, 'torn');
    expect((await openRun(folder)).sets[0]?.cards.count).toBe(25);
  });

  const broken: readonly (readonly [string, RegExp, (folder: string) => Promise<void>])[] = [
    ['a folder that is not there', /no run folder/, async (folder) => rm(folder, { recursive: true })],
    ['a run without a report', /not finished.*report\.json.*--resume/, async (folder) => rm(join(folder, 'report.json'))],
    ['a torn report', /not JSON/, async (folder) => writeFile(join(folder, 'report.json'), '{"version": 1')],
    ['a report of another form', /report\.json, run/, async (folder) => writeFile(join(folder, 'report.json'), '{"version":1,"title":"x","arms":[],"saes":[]}')],
    ['a run without cards', /no feature cards/, async (folder) => rm(join(folder, 'cards'), { recursive: true })],
    ['an empty card file', /is empty/, async (folder) => writeFile(join(folder, 'cards', TEXT, 'sae-two.jsonl'), '\n')],
    ['a bad card', /sae-two\.jsonl, line 2/, async (folder) => writeFile(join(folder, 'cards', TEXT, 'sae-two.jsonl'), `${await firstLine(folder)}\n{"sae":"sae-two"}\n`)],
    ['an SAE outside the run', /outside the run folder/, async (folder) => edit(folder, 'saes.json', '"saes/sae-two"', '"../elsewhere"')],
    ['an SAE with a path for a name', /saes\.json, 0\.name/, async (folder) => edit(folder, 'saes.json', '"name":"sae-one"', '"name":"../../etc"')],
  ];
  it.each(broken)('refuses %s in one paragraph', async (_, says, spoil) => {
    const folder = await makeRun(join(await scratch(), 'run'));
    await spoil(folder);
    const error: unknown = await openRun(folder).catch((e: unknown) => e);
    expect(isSalmonError(error)).toBe(true);
    expect((error as Error).message).toMatch(says);
    expect((error as Error).message).not.toContain('\n');
  });
});

describe('decoderMap', () => {
  it('places every live latent, the same each time, and keeps the result', async () => {
    const folder = await makeRun(await scratch(), { latents: 60 });
    const run = await openRun(folder);
    const set = run.sets[0];
    if (set === undefined) throw new Error('no set');
    const map = await decoderMap(run, set);
    expect(map.latent).toEqual(set.cards.features.latent);
    for (const axis of [map.x, map.y]) expect([Math.min(...axis), Math.max(...axis)]).toEqual([0, 1]);
    const path = join(folder, 'explorer', `${set.data.id}.map.json`);
    await rm(path);
    expect(await decoderMap(run, set)).toEqual(map);
    const held = JSON.parse(await readFile(path, 'utf8')) as { map: { method: string } };
    await writeFile(path, JSON.stringify({ ...held, map: { ...held.map, method: 'from the cache' } }));
    expect((await decoderMap(run, set)).method).toBe('from the cache');
  });
});

async function firstLine(folder: string): Promise<string> {
  return (await readFile(join(folder, 'cards', TEXT, 'sae-two.jsonl'), 'utf8')).split('\n')[0] ?? '';
}

async function edit(folder: string, file: string, from: string, to: string): Promise<void> {
  const path = join(folder, file);
  await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
}
