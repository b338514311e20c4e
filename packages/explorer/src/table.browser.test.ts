import type { FeatureCard } from '@salmon-sae/dataflow';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, openPage } from '../test/browser.js';
import { makeRun, SAES, TEXT } from '../test/make-run.js';
import { scratchFolders } from '../test/scratch.js';
import type { Served } from './server/listen.js';
import { serveExplorer } from './serve-explorer.js';
import type { FeaturesData } from './wire.js';

const scratch = scratchFolders();
const TWO = `${SAES[1]}@${TEXT}`;
let browser: Browser;
let served: Served;
beforeAll(async () => {
  browser = await launch();
  served = await serveExplorer({ run: await makeRun(await scratch()) });
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

const rows = (page: Page) => page.locator('.body-group [role=row]');

describe('the feature table', () => {
  it('is searched, sorted and walked by keyboard', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(served.url);
    await rows(page).first().waitFor();
    expect(await page.getByRole('status').innerText()).toBe('72 of 72 latents');
    await page.keyboard.press('/');
    await page.keyboard.type('anvil');
    await expect.poll(() => page.getByRole('status').innerText()).toBe(`${await countOf('anvil')} of 72 latents`);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('status').innerText()).toBe('72 of 72 latents');
    const density = async (): Promise<number[]> => (await rows(page).locator('> :nth-child(5)').allInnerTexts()).map((text) => Number(text.replace('%', '')));
    await page.getByRole('button', { name: 'Density' }).click();
    await expect.poll(async () => (await density())[0]).toBeCloseTo(1.5, 1);
    expect(await page.getByRole('columnheader', { name: 'Density' }).getAttribute('aria-sort')).toBe('descending');
    await page.getByRole('button', { name: 'Density' }).click();
    await expect.poll(async () => (await density())[0]).toBeCloseTo(0.2, 2);
    const ordered = await density();
    expect(ordered).toEqual([...ordered].sort((a, b) => a - b));
    await page.getByLabel('SAE').selectOption(TWO);
    await expect.poll(() => page.getByRole('status').innerText()).toBe('24 of 72 latents');
    await page.locator('#grid').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'End', 'Home', 'ArrowDown']) await page.keyboard.press(key);
    const latent = await page.locator('.row.active a').innerText();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toContain(`#/feature/${encodeURIComponent(TWO)}/${latent}`);
    await page.locator('mark').first().waitFor();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.url()).toContain(`/${Number(latent) + 1}`);
    await page.locator('mark').first().waitFor();
    await page.keyboard.press('Escape');
    await rows(page).first().waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  it('filters by density, dense class and explanation, and sorts by domain share', async () => {
    const { page, problems } = await openPage(browser);
    const status = page.getByRole('status').first();
    await page.goto(`${served.url}#/features?sort=domain`);
    await rows(page).first().waitFor();
    const shares = (await rows(page).locator('> :nth-child(6)').allInnerTexts()).map((text) => Number(text.replace('%', '')));
    expect(shares[0]).toBeGreaterThan(50);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    const column = async (key: string): Promise<unknown[]> => (await Promise.all(SAES.map(async (sae) => ((await (await fetch(new URL(`data/${sae}@${TEXT}/features.json`, served.url))).json()) as Record<string, unknown[]>)[key] ?? []))).flat();
    const dense = await column('dense');
    const number = (filter: (each: unknown) => boolean): string => `${dense.filter(filter).length} of 72 latents`;
    const choice = page.getByLabel('Dense class');
    await choice.selectOption('dense');
    await expect.poll(() => status.innerText()).toBe(number((each) => each !== ''));
    expect(await page.locator('.tag.dense').count()).toBe(dense.filter((each) => each !== '').length);
    await choice.selectOption('output');
    await expect.poll(() => status.innerText()).toBe(number((each) => each === 'position+output'));
    await choice.selectOption('sparse');
    await expect.poll(() => status.innerText()).toBe(number((each) => each === ''));
    await choice.selectOption('');
    await page.getByLabel('explained only').check();
    await expect.poll(() => status.innerText()).toBe(`${(await column('explanation')).filter((text) => text !== '').length} of 72 latents`);
    await page.getByLabel('Search features').fill('nothing of the kind');
    await page.getByRole('button', { name: 'Clear search and filters' }).click();
    await expect.poll(() => status.innerText()).toBe('72 of 72 latents');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('opens runs that recorded less, and says so', async () => {
    const older = await serveExplorer({ run: await makeRun(await scratch(), { older: true }) });
    const { page, problems } = await openPage(browser);
    await page.goto(older.url);
    await rows(page).first().waitFor();
    expect(await page.getByRole('columnheader').allInnerTexts()).not.toContain('Domain share');
    expect(await page.getByLabel('Dense class').innerText()).toBe('not recorded in this run');
    await page.goto(`${older.url}#/feature/${TWO}/0`);
    await page.getByText('Not recorded in this run; below').waitFor();
    expect(await page.getByText('not recorded in this run', { exact: false }).count()).toBeGreaterThan(2);
    await page.getByRole('img', { name: /^Histogram of \d+ activations between/ }).waitFor();
    expect(problems).toEqual([]);
    await page.close();
    await older.close();
  });

  it('shows on the feature page what newer runs record', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(`${served.url}#/feature/${TWO}/11`);
    const picture = page.getByRole('img', { name: /^Histogram of [\d,]+ activations from/ });
    await picture.waitFor();
    const { cards } = (await (await fetch(new URL(`data/${TWO}/cards/0.json`, served.url))).json()) as { cards: FeatureCard[] };
    const card = cards[11] as FeatureCard;
    const active = (card.histogram?.counts ?? []).reduce((a, b) => a + b, 0);
    expect(await picture.locator('xpath=..').innerText()).toContain(`${active.toLocaleString('en')} active tokens of all tokens read; on the other`);
    expect(await picture.locator('rect').count()).toBe(32);
    expect(await page.locator('.shares li').allInnerTexts()).toHaveLength(2);
    expect(await page.locator('.facts').innerText()).toContain('position');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('keeps few rows in the document whatever the number, and finds and sorts among all', async () => {
    const each = 16_700;
    const many = await serveExplorer({ run: await makeRun(await scratch(), { latents: each, light: true }) });
    const { page, problems } = await openPage(browser);
    await page.goto(`${many.url}#/features?sort=latent&dir=up`);
    await rows(page).first().waitFor();
    const status = page.getByRole('status').first();
    expect(await status.innerText()).toBe('50,100 of 50,100 latents');
    await page.locator('#grid').focus();
    await page.keyboard.press('End');
    await expect.poll(() => page.locator('.row.active a').innerText()).toBe(String(each - 1));
    expect(await rows(page).count()).toBeLessThan(60);
    await page.getByRole('button', { name: 'Max' }).click();
    await expect.poll(() => page.getByRole('columnheader', { name: 'Max' }).getAttribute('aria-sort')).toBe('descending');
    const maxima = await Promise.all(SAES.map(async (sae) => ((await (await fetch(new URL(`data/${sae}@${TEXT}/features.json`, many.url))).json()) as FeaturesData).max));
    const expected = maxima.flat().sort((a, b) => b - a).slice(0, 10).map((value) => value.toPrecision(3));
    expect((await rows(page).locator('> :nth-child(7)').allInnerTexts()).slice(0, 10)).toEqual(expected);
    await page.getByLabel('Search features').fill('#16699');
    await expect.poll(() => status.innerText()).toBe('3 of 50,100 latents');
    expect(problems).toEqual([]);
    await page.close();
    await many.close();
  }, 60_000);
});

/** How many latents of all arms have the word in what the search looks through. */
async function countOf(word: string): Promise<number> {
  const sets = await Promise.all(SAES.map(async (sae) => (await (await fetch(new URL(`data/${sae}@${TEXT}/features.json`, served.url))).json()) as Record<string, string[]>));
  return sets.reduce((sum, data) => sum + (data['words'] ?? []).filter((words, i) => `${words} ${data['explanation']?.[i]} ${data['token']?.[i]}`.includes(word)).length, 0);
}
