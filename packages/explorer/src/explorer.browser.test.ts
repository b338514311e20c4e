import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axe, launch, openPage, shot } from '../test/browser.js';
import { HOSTILE, makeRun, SAES, TEXT } from '../test/make-run.js';
import { scratchFolders } from '../test/scratch.js';
import { buildStatic } from './build-static.js';
import type { Served } from './server/listen.js';
import { serveExplorer } from './serve-explorer.js';

const scratch = scratchFolders();
const ONE = `${SAES[0]}@${TEXT}`;
const TWO = `${SAES[1]}@${TEXT}`;
let browser: Browser;
let served: Served;
beforeAll(async () => {
  browser = await launch();
  served = await serveExplorer({ run: await makeRun(await scratch()), live: true });
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

const rows = (page: Page) => page.locator('.body-group [role=row]');
const PAGES: readonly (readonly [string, string, string])[] = [
  ['features', '#/features', '.body-group .row'],
  ['feature', `#/feature/${TWO}/0`, 'mark'],
  ['compare', '#/compare?q=anvil', '.matches li'],
  ['plots', '#/plots', '.density'],
  ['map', `#/map?q=anvil&set=${ONE}`, '.map .matches li'],
  ['live', '#/live', 'textarea'],
];

describe.each(['light', 'dark'] as const)('every page, %s', (scheme) => {
  it.each(PAGES)('%s is accessible and without console errors', async (name, hash, ready) => {
    const { page, problems } = await openPage(browser, scheme);
    await page.goto(served.url + hash);
    await page.locator(ready).first().waitFor();
    expect(await axe(page)).toEqual([]);
    await shot(page, `${name}-${scheme}`);
    expect(problems).toEqual([]);
    await page.close();
  });
});

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

  it('keeps few rows in the document whatever the number', async () => {
    const { page, problems } = await openPage(browser);
    const big = 50_000;
    // The columns of one SAE, made long on their way to the page.
    await page.route('**/features.json', async (route) => {
      const data = (await (await route.fetch()).json()) as Record<string, unknown[]>;
      if (!route.request().url().includes(SAES[0])) return route.fulfill({ json: data });
      const long = Object.fromEntries(Object.entries(data).map(([key, column]) => [key, Array.isArray(column) ? Array.from({ length: big }, (_, i) => (key === 'latent' ? i : column[i % column.length])) : column]));
      return route.fulfill({ json: { ...long, near: {} } });
    });
    await page.goto(`${served.url}#/features?set=${ONE}&sort=latent&dir=up`);
    await rows(page).first().waitFor();
    expect(await page.getByRole('status').innerText()).toBe('50,000 of 50,048 latents');
    await page.locator('#grid').focus();
    await page.keyboard.press('End');
    await expect.poll(() => page.locator('.row.active a').innerText()).toBe(String(big - 1));
    expect(await rows(page).count()).toBeLessThan(60);
    await page.getByLabel('Search features').fill('#49999');
    await expect.poll(() => page.getByRole('status').innerText()).toBe('1 of 50,048 latents');
    expect(problems).toEqual([]);
    await page.close();
  });
});

describe('text of the corpus', () => {
  it('is shown and never run', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(`${served.url}#/feature/${ONE}/1`);
    await page.locator('mark').first().waitFor();
    expect(await page.locator('.contexts').first().innerText()).toContain(HOSTILE);
    expect(await page.locator('h1').innerText()).toContain(HOSTILE);
    await page.goto(`${served.url}#/features?q=script`);
    await rows(page).first().waitFor();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(await page.locator('main script, main img').count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });
});

describe('the static site', () => {
  it('shows table, feature, comparison and map from plain files', async () => {
    const out = join(await scratch(), 'site');
    await buildStatic({ run: await makeRun(await scratch()), out });
    const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml' };
    const host = createServer((request, answer) => {
      // The site lies in a folder of its host, as project pages do.
      const name = decodeURIComponent((request.url ?? '').replace(/^\/project\//, '')) || 'index.html';
      readFile(join(out, name)).then(
        (bytes) => answer.writeHead(200, { 'content-type': types[extname(name)] ?? '' }).end(bytes),
        () => answer.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(host.address() as AddressInfo).port}/project/`;
    const { page, problems } = await openPage(browser);
    await page.goto(url);
    await rows(page).first().click();
    await page.locator('mark').first().waitFor();
    for (const [hash, ready] of [['#/compare?q=anvil', '.matches li'], ['#/plots', '.density'], [`#/map?q=anvil&set=${ONE}`, '.map .matches li']] as const) {
      await page.goto(url + hash);
      await page.locator(ready).first().waitFor();
    }
    await page.goto(`${url}#/live`);
    await page.getByText('needs the language model').waitFor();
    expect(problems).toEqual([]);
    await page.close();
    await new Promise((resolve) => host.close(resolve));
  });
});

describe('the other pages', () => {
  it('compares the arms on a concept and names what one lacks', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(`${served.url}#/compare`);
    await page.getByText(/of 24 live latents of Domain have no counterpart in Broad/).waitFor();
    await page.getByLabel('Concept').fill('anvil');
    await page.getByText(/^Domain has \d+ latents on this, Broad \d+\. \d+ of Domain’s have no counterpart/).waitFor();
    expect(await page.locator('.arms section').count()).toBe(3);
    const first = await page.locator('.arms .matches li').first().innerText();
    expect(first).toMatch(/anvil/);
    await page.locator('.arms .matches a').first().click();
    await page.locator('mark').first().waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  it('links plots with SAEs and features', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(`${served.url}#/plots`);
    await page.locator('.density').first().waitFor();
    expect(await page.locator('circle.point').count()).toBe(4);
    expect(await page.locator('circle.linked').count()).toBe(3);
    const bar = page.getByRole('link', { name: /^Broad: (\d+) latents of density/ }).first();
    const count = /^Broad: (\d+)/.exec((await bar.getAttribute('aria-label')) ?? '')?.[1];
    await bar.click();
    await rows(page).first().waitFor();
    expect(await page.getByRole('status').innerText()).toBe(`${count} of 72 latents`);
    await page.goBack();
    await page.getByLabel('Metric').selectOption('deltaCe');
    await page.getByRole('link', { name: /^Domain, L0 8: 0.34/ }).click();
    await expect.poll(() => page.getByRole('status').innerText()).toBe('24 of 72 latents');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('leads from a dot of the map to its feature, by mouse and by keyboard', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(`${served.url}#/map?set=${ONE}`);
    const canvas = page.locator('canvas');
    await canvas.waitFor();
    await canvas.focus();
    await page.keyboard.press('ArrowRight');
    const said = await page.locator('.tip b').innerText();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toContain(`/${said.replace('Latent ', '')}`);
    await page.goBack();
    await canvas.waitFor();
    const map = (await (await fetch(`${served.url}data/${ONE}/map.json`)).json()) as { latent: number[]; x: number[]; y: number[] };
    const box = await canvas.boundingBox();
    if (box === null) throw new Error('the canvas is not shown');
    const [width, height] = [box.width - 2, box.height - 2];
    await page.mouse.click(box.x + 1 + 20 + (map.x[5] ?? 0) * (width - 40), box.y + 1 + 20 + (map.y[5] ?? 0) * (height - 40));
    await expect.poll(() => page.url()).toContain(`/feature/${encodeURIComponent(ONE)}/${map.latent[5]}`);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('reads a sentence and steers with a latent', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(`${served.url}#/live?set=${TWO}&latent=3`);
    await page.getByLabel('Text').fill('A fever and a cough.');
    await page.getByRole('button', { name: 'Read' }).click();
    const tokens = page.locator('.token');
    await tokens.first().waitFor();
    expect((await tokens.allInnerTexts()).join('')).toContain('fever');
    await tokens.nth(1).click();
    expect(await tokens.nth(1).getAttribute('aria-pressed')).toBe('true');
    expect(await page.locator('.live .arms .matches li').count()).toBeGreaterThan(0);
    await page.getByLabel(/^Strength/).fill('10');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Steered' }).waitFor();
    const [plain, steered] = await page.locator('.said').allInnerTexts();
    expect(steered).not.toBe(plain);
    expect(await axe(page)).toEqual([]);
    await shot(page, 'live-answer');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('says what it does not find', async () => {
    const { page } = await openPage(browser);
    for (const [hash, says] of [['#/nowhere', 'There is no such page'], [`#/feature/${ONE}/999`, 'did not fire'], ['#/feature/none/1', 'no SAE "none"']] as const) {
      await page.goto(served.url + hash);
      await page.getByText(says).waitFor();
    }
    await page.close();
  });

  it('turns dark and stays so', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(served.url);
    await page.getByRole('button', { name: 'Dark colours' }).click();
    const paper = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor') as Promise<string>;
    const dark = await paper();
    await page.reload();
    await page.getByRole('button', { name: 'Light colours' }).waitFor();
    expect(await paper()).toBe(dark);
    expect(problems).toEqual([]);
    await page.close();
  });
});

/** How many latents of all arms have the word in what the search looks through. */
async function countOf(word: string): Promise<number> {
  const sets = await Promise.all(SAES.map(async (sae) => (await (await fetch(new URL(`data/${sae}@${TEXT}/features.json`, served.url))).json()) as Record<string, string[]>));
  return sets.reduce((sum, data) => sum + (data['words'] ?? []).filter((words, i) => `${words} ${data['explanation']?.[i]} ${data['token']?.[i]}`.includes(word)).length, 0);
}
