import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axe, launch, openPage, shot } from '../test/browser.js';
import { makeRun, SAES } from '../test/make-run.js';
import { scratchFolders } from '../test/scratch.js';
import { ratingResult } from './rating/rating-export.js';
import { serveRating } from './serve-rating.js';
import type { ServedRating } from './serve-rating.js';

const scratch = scratchFolders();
let browser: Browser;
let served: ServedRating;
let run: string;
beforeAll(async () => {
  browser = await launch();
  run = await makeRun(await scratch());
  served = await serveRating({ run, latents: 4, seed: 11 });
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

describe('a rating session in the browser', () => {
  it('runs from the name to the thanks by keyboard alone, with two raters and an undo', async () => {
    expect(served.items).toBe(8);
    for (const [rater, scheme] of [['ann', 'light'], ['bob', 'dark']] as const) {
      const { page, problems, traffic } = await openPage(browser, scheme);
      await page.goto(served.url);
      await page.getByLabel('Your name').fill(rater);
      expect(await axe(page)).toEqual([]);
      await page.keyboard.press('Enter');
      const status = page.getByRole('status');
      await page.locator('.label-box').waitFor();
      expect(await status.innerText()).toBe('0 of 8 rated');
      expect(await page.locator('.rating ol li').count()).toBe(10);
      const first = await page.locator('.rating ol').innerText();
      for (const key of ['t', 'c']) await page.keyboard.press(key);
      expect(await page.locator('[aria-pressed=true]').count()).toBe(2);
      expect(await axe(page)).toEqual([]);
      await shot(page, `rating-${scheme}`);
      await page.keyboard.press('Enter');
      await expect.poll(() => status.innerText()).toBe('1 of 8 rated');
      await page.keyboard.press('Backspace');
      await expect.poll(() => status.innerText()).toBe('0 of 8 rated');
      expect(await page.locator('.rating ol').innerText()).toBe(first);
      for (let done = 1; done <= 8; done++) {
        await page.keyboard.press(String(done % 10));
        await page.keyboard.press(done % 2 === 0 ? 'g' : 'u');
        await page.keyboard.press('Enter');
        await expect.poll(() => status.innerText()).toBe(`${done} of 8 rated`);
      }
      await page.getByRole('heading', { name: /Thank you/ }).waitFor();
      await shot(page, `rating-done-${scheme}`);
      expect(problems).toEqual([]);
      const seen = `${traffic.join('\n')}${await page.content()}`.replaceAll('X-Permitted-Cross-Domain-Policies', '').replaceAll('x-permitted-cross-domain-policies', '');
      expect(traffic.length).toBeGreaterThan(9);
      for (const secret of [...SAES, 'broad', 'domain', 'density', 'trades/']) expect([secret, seen.includes(secret)]).toEqual([secret, false]);
      await page.close();
    }
    const { result, answers } = await ratingResult(run);
    expect(result.raters).toEqual(['ann', 'bob']);
    expect(answers).toHaveLength(16);
    expect(result.arms.map(({ items }) => items)).toEqual([4, 4]);
    expect(result.kappa?.kind).toBe('cohen');
  });
});
