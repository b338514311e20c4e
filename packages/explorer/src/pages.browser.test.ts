import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axe, launch, openPage, overflow, shot, SIZES } from '../test/browser.js';
import type { Size } from '../test/browser.js';
import { makeRun, SAES, TEXT } from '../test/make-run.js';
import { scratchFolders } from '../test/scratch.js';
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

interface Shown {
  readonly hash: string;
  /** What is there when the page is. */
  readonly ready: string;
  readonly then?: (page: Page) => Promise<void>;
}

const PAGES: Readonly<Record<string, Shown>> = {
  features: { hash: '#/features', ready: '.body-group .row' },
  'features-none': { hash: '#/features?q=nothing+of+the+kind', ready: '.empty' },
  definitions: {
    hash: '#/features',
    ready: '.body-group .row',
    then: async (page) => {
      await page.getByRole('button', { name: 'Definitions' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  feature: { hash: `#/feature/${TWO}/0`, ready: 'mark' },
  'feature-missing': { hash: `#/feature/${TWO}/999`, ready: '[role=alert]' },
  compare: { hash: '#/compare?q=anvil', ready: '.arms .matches li' },
  'compare-start': { hash: '#/compare', ready: '.lacks .matches li' },
  plots: { hash: '#/plots', ready: '.density' },
  map: { hash: `#/map?q=anvil&set=${ONE}`, ready: '.map .matches li' },
  live: {
    hash: `#/live?set=${TWO}&latent=3`,
    ready: 'textarea',
    then: async (page) => {
      await page.getByRole('button', { name: 'Read' }).click();
      await page.locator('.token').first().waitFor();
    },
  },
  nowhere: { hash: '#/nowhere', ready: 'h1' },
};

describe.each(['light', 'dark'] as const)('every page, %s', (scheme) => {
  describe.each(Object.keys(SIZES) as Size[])('%s', (size) => {
    it.each(Object.entries(PAGES))('%s is accessible, fits its window and logs nothing', async (name, { hash, ready, then }) => {
      const { page, problems } = await openPage(browser, scheme, size);
      await page.goto(served.url + hash);
      await page.locator(ready).first().waitFor();
      await then?.(page);
      expect(await axe(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      await shot(page, `${name}-${scheme}-${size}`);
      expect(problems).toEqual([]);
      await page.close();
    });
  });
});
