import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
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
        // As strict as a host can be: the site must need nothing else.
        (bytes) => answer.writeHead(200, { 'content-type': types[extname(name)] ?? '', 'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; require-trusted-types-for 'script'" }).end(bytes),
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
    await page.getByText('which only the local server can run').waitFor();
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
    const countOf = async (mark: Locator): Promise<string | undefined> => /: (\d+) latents? of density/.exec((await mark.getAttribute('aria-label')) ?? '')?.[1];
    const count = await countOf(bar);
    await bar.click();
    await rows(page).first().waitFor();
    expect(await page.getByRole('status').innerText()).toBe(`${count} of 72 latents`);
    await page.goBack();
    // By keyboard: the bars are one tab stop, arrows go from bar to bar, Enter follows.
    const bars = page.locator('a[data-mark]:has(.density)');
    await bars.first().waitFor();
    expect(await page.locator('a[data-mark][tabindex="0"]:has(.density)').count()).toBe(1);
    await bars.first().focus();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft', 'End', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
    const focused = bars.nth((await bars.count()) - 2);
    expect(await focused.evaluate((mark) => mark === mark.ownerDocument.activeElement)).toBe(true);
    expect(await focused.getAttribute('tabindex')).toBe('0');
    const wanted = await countOf(focused);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('status').innerText()).toBe(`${wanted} of 72 latents`);
    await page.getByRole('button', { name: /remove this filter/ }).click();
    await expect.poll(() => page.getByRole('status').innerText()).toBe('24 of 72 latents');
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
    for (const [hash, says] of [['#/nowhere', 'There is no such page'], [`#/feature/${ONE}/999`, 'has no card'], ['#/feature/none/1', 'no SAE "none"']] as const) {
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
