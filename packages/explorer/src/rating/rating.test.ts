import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RATING_CLASSES } from '@salmon-sae/autointerp';
import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { makeRun, SAES } from '../../test/make-run.js';
import { rawRequest } from '../../test/raw-request.js';
import type { RawAnswer } from '../../test/raw-request.js';
import { scratchFolders } from '../../test/scratch.js';
import { serveRating } from '../serve-rating.js';
import type { RatingStateData } from '../wire.js';
import { ratingCsv, ratingResult } from './rating-export.js';
import { heldOut } from './rating-items.js';
import { RatingStore } from './rating-store.js';

const scratch = scratchFolders();
const SEED = 20260101;

async function ask(url: string, path: string, body: object): Promise<RawAnswer> {
  return rawRequest(url, `/rating/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** Rates every item; returns all that went over the wire. */
async function rateAll(url: string, rater: string, judge: (state: RatingStateData) => { readonly fits: number; readonly verdict: string }): Promise<readonly RawAnswer[]> {
  const answers = [await ask(url, 'state', { rater })];
  for (;;) {
    const state = JSON.parse(answers.at(-1)?.body ?? '') as RatingStateData;
    if (state.item === null) return answers;
    answers.push(await ask(url, 'answer', { rater, item: state.item.id, ...judge(state) }));
  }
}

const simple = (): { fits: number; verdict: string } => ({ fits: 5, verdict: 'generic' });

describe('blind rating', () => {
  it('sends the same bytes whichever arm is called which', async () => {
    const traffic: string[] = [];
    for (const swapArms of [false, true]) {
      const run = await makeRun(await scratch(), { swapArms });
      const served = await serveRating({ run, seed: SEED });
      const answers = await rateAll(served.url, 'ann', simple);
      await served.close();
      traffic.push(JSON.stringify(answers.map(({ status, body, headers }) => ({ status, body, headers: { ...headers, date: '' } }))));
    }
    expect(traffic[0]?.length).toBeGreaterThan(10_000);
    expect(traffic[1]).toBe(traffic[0]);
  });

  it('sends nothing but label, tokens, strengths and progress', async () => {
    const served = await serveRating({ run: await makeRun(await scratch()), seed: SEED });
    const answers = await rateAll(served.url, 'ann', simple);
    const page = await rawRequest(served.url, '/');
    for (const path of ['/data/run.json', `/data/${SAES[0]}@trades/features.json`, '/index.html', '/ratings.sqlite', '/explorer/ratings.sqlite', '/rating/keys', '/rating/result']) {
      expect((await rawRequest(served.url, path)).status).toBe(404);
    }
    await served.close();
    const all = [page, ...answers].map(({ body, headers }) => `${JSON.stringify(headers).replace('x-permitted-cross-domain-policies', '')}${body}`).join('\n').toLowerCase();
    for (const secret of [...SAES, 'broad', 'domain', 'boosted', 'trades/', 'density', 'latent', '"pair"', '"at"', 'quantile', String(SEED)]) {
      expect([secret, all.includes(secret)]).toEqual([secret, false]);
    }
    for (const { body } of answers) {
      const state = JSON.parse(body) as RatingStateData;
      expect(Object.keys(state).sort()).toEqual(['canUndo', 'done', 'item', 'total']);
      if (state.item === null) continue;
      expect(Object.keys(state.item).sort()).toEqual(['contexts', 'id', 'label']);
      expect(state.item.id).toMatch(/^[0-9a-f]{16}$/);
      expect(state.item.contexts).toHaveLength(10);
      expect(Math.max(...state.item.contexts.flatMap(({ strengths }) => strengths))).toBe(1);
      for (const context of state.item.contexts) expect(Object.keys(context).sort()).toEqual(['strengths', 'tokens']);
    }
  });

  it('gives order and ids that do not tell the arms apart', async () => {
    // Under a fair shuffle the first item is of either arm equally often, and ids of one arm are not lower than the other's.
    const run = await makeRun(await scratch(), { latents: 48 });
    let firstOfOne = 0;
    let lower = 0;
    const sessions = 40;
    for (let seed = 0; seed < sessions; seed++) {
      const served = await serveRating({ run, seed });
      const store = await RatingStore.open(served.file);
      await served.close();
      await rm(served.file);
      const saeOf = new Map(store.keys.map(({ id, sae }) => [id, sae]));
      firstOfOne += saeOf.get(store.items[0]?.id ?? '') === SAES[0] ? 1 : 0;
      const ids = [...store.keys].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ sae }) => sae);
      lower += ids[0] === SAES[0] ? 1 : 0;
      expect(new Set(store.keys.map(({ pair, sae }) => `${pair}/${sae}`)).size).toBe(store.items.length);
    }
    // Outside 8..32 of 40 has a chance below 1 in 5,000 for a fair coin.
    for (const count of [firstOfOne, lower]) expect(Math.abs(count - sessions / 2)).toBeLessThanOrEqual(12);
  });

  it('keeps answers over a restart, takes the last one back, refuses nonsense', async () => {
    const run = await makeRun(await scratch());
    const first = await serveRating({ run, seed: SEED });
    const begin = JSON.parse((await ask(first.url, 'state', { rater: 'ann' })).body) as RatingStateData;
    const item = begin.item?.id ?? '';
    const after = JSON.parse((await ask(first.url, 'answer', { rater: 'ann', item, fits: 7, verdict: 'clinical' })).body) as RatingStateData;
    expect(after).toMatchObject({ done: 1, canUndo: true });
    for (const bad of [
      { rater: 'ann', item, fits: 7, verdict: 'clinical' },
      { rater: 'ann', item: after.item?.id, fits: 11, verdict: 'clinical' },
      { rater: 'ann', item: after.item?.id, fits: 3, verdict: 'odd' },
      { rater: 'ann', item: 'none', fits: 3, verdict: 'generic' },
      { rater: '', item, fits: 3, verdict: 'generic' },
    ]) {
      expect((await ask(first.url, 'answer', bad)).status).toBe(400);
    }
    await first.close();
    const second = await serveRating({ run });
    expect(JSON.parse((await ask(second.url, 'state', { rater: 'ann' })).body)).toEqual(after);
    expect(JSON.parse((await ask(second.url, 'state', { rater: 'bob' })).body)).toMatchObject({ done: 0, canUndo: false });
    expect(JSON.parse((await ask(second.url, 'undo', { rater: 'ann' })).body)).toEqual(begin);
    expect((await ask(second.url, 'undo', { rater: 'ann' })).status).toBe(400);
    await second.close();
    expect((await readFile(second.file)).subarray(0, 15).toString()).toBe('SQLite format 3');
  });

  it('takes concurrent answers one after the other', async () => {
    const served = await serveRating({ run: await makeRun(await scratch()), seed: SEED });
    const raters = Array.from({ length: 6 }, (_, i) => `rater ${i}`);
    await Promise.all(
      raters.map(async (rater) => {
        const state = JSON.parse((await ask(served.url, 'state', { rater })).body) as RatingStateData;
        await ask(served.url, 'answer', { rater, item: state.item?.id, fits: 2, verdict: 'generic' });
      }),
    );
    await served.close();
    const { events } = await (await RatingStore.open(served.file)).session();
    expect(events.map(({ rater }) => rater).sort()).toEqual(raters);
  });

  it('finds a planted difference between the arms and the agreement of two raters, and exports', async () => {
    const run = await makeRun(await scratch(), { latents: 48 });
    const served = await serveRating({ run, seed: SEED });
    const saeOf = new Map((await RatingStore.open(served.file)).keys.map(({ id, sae }) => [id, sae]));
    for (const rater of ['ann', '=cmd']) {
      const draw = random(5, rater);
      await rateAll(served.url, rater, ({ item }) => {
        const good = saeOf.get(item?.id ?? '') === SAES[1];
        const slip = draw.next() < 0.1;
        return { fits: good ? 9 : 3, verdict: RATING_CLASSES[slip ? 2 : good ? 0 : 1] };
      });
    }
    await served.close();
    const report = await ratingResult(run);
    expect(report.answers).toHaveLength(2 * served.items);
    expect(report.result.kappa).toMatchObject({ kind: 'cohen', raters: 2 });
    expect(report.result.kappa?.value.value).toBeGreaterThan(0.5);
    const fits = report.result.differences.find(({ measure }) => measure === 'fits');
    expect(fits).toMatchObject({ first: SAES[0], second: SAES[1], verdict: 'second is higher' });
    expect(fits?.difference.value).toBeCloseTo(-0.6, 6);
    const csv = ratingCsv(report).split('\r\n');
    expect(csv[0]).toBe('rater,pair,sae,latent,label,fits,contexts,verdict,at,item');
    expect(csv).toHaveLength(2 * served.items + 2);
    expect(csv.some((line) => line.startsWith("'=cmd,"))).toBe(true);
    expect(csv.some((line) => line.includes('"Fires on the word ""'))).toBe(true);
  });

  it('says what is wrong with a session file, and what a run lacks', async () => {
    const run = await makeRun(await scratch());
    await expect(ratingResult(run)).rejects.toThrow(/no rating session/);
    const served = await serveRating({ run, seed: SEED });
    await served.close();
    await writeFile(served.file, 'not a database at all, but text');
    await expect(serveRating({ run })).rejects.toThrow(/cannot be read/);
    await expect(ratingResult(run)).rejects.toThrow(/cannot be read/);
    const one = await makeRun(await scratch());
    await rename(join(one, 'cards', 'trades', 'sae-two.jsonl'), join(one, 'cards', 'trades', 'gone'));
    await expect(serveRating({ run: one })).rejects.toThrow(/no two arms/);
    await expect(serveRating({ run: one, sets: ['sae-one@trades', 'nope'] })).rejects.toThrow(/two sets of the run/);
  });
});

describe('heldOut', () => {
  const context = (quantile: number, pool?: 'explainer' | 'scorer') => ({ doc: 'd', domain: 'x', tokens: ['a'], activations: [1], peak: 1, quantile, ...(pool === undefined ? {} : { pool }) });

  it('takes what the run recorded, or else the first of each quantile; never the top list', () => {
    expect(heldOut([context(-1, 'scorer'), context(0, 'explainer'), context(0, 'scorer'), context(1, 'scorer')]).map(({ quantile }) => quantile)).toEqual([0, 1]);
    const old = [context(-1), context(0), context(0), context(2)];
    expect(heldOut(old)).toEqual([old[1], old[3]]);
  });
});
