import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axe, launch, openPage, overflow, shot, SIZES } from '../test/browser.js';
import { makeRun, SAES } from '../test/make-run.js';
import { scratchFolders } from '../test/scratch.js';
import { ratingCsv, ratingResult } from './rating/rating-export.js';
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

/** The name's box has the focus from the start. */
async function begin(page: Page, rater: string): Promise<void> {
  await page.locator('input:focus').waitFor();
  await page.keyboard.type(rater);
}

describe('a rating session in the browser', () => {
  it('runs from the name to the thanks by keyboard alone, with two raters and an undo', async () => {
    expect(served.items).toBe(8);
    for (const [rater, scheme] of [['ann', 'light'], ['bob', 'dark']] as const) {
      const { page, problems, traffic } = await openPage(browser, scheme);
      const requests: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      await page.goto(served.url);
      await begin(page, rater);
      expect(await axe(page)).toEqual([]);
      await shot(page, `rating-begin-${scheme}-wide`);
      await page.keyboard.press('Enter');
      const status = page.getByRole('status');
      await page.locator('.label-box').waitFor();
      expect(await status.innerText()).toBe('0 of 8 rated');
      expect(await page.locator('.rating ol li').count()).toBe(10);
      const first = await page.locator('.rating ol').innerText();
      for (const key of ['t', 'c']) await page.keyboard.press(key);
      expect(await page.locator('[aria-pressed=true]').count()).toBe(2);
      for (const size of ['narrow', 'wide'] as const) {
        await page.setViewportSize(SIZES[size]);
        expect(await axe(page)).toEqual([]);
        expect(await overflow(page)).toBe(0);
        await shot(page, `rating-${scheme}-${size}`);
      }
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
      await shot(page, `rating-done-${scheme}-wide`);
      expect(await axe(page)).toEqual([]);
      // Nothing is kept in the browser, and the address and the title are the same throughout.
      expect(await page.evaluate('[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.title]')).toEqual(['', '{}', '{}', 'salmon rating']);
      expect(page.url()).toBe(served.url);
      expect(requests.every((url) => /^(|assets\/[\w-]+\.(js|css|svg)|rating\/(state|answer|undo))$/.test(url.slice(served.url.length)))).toBe(true);
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
    expect(result.kappa?.value.low).toBeLessThanOrEqual(result.kappa?.value.value ?? NaN);
    expect(result.differences.map(({ measure }) => measure)).toEqual(['clinical', 'generic', 'uninterpretable', 'fits']);
    for (const { difference } of result.differences) expect(difference.low).toBeLessThanOrEqual(difference.high);
    expect(ratingCsv({ result, answers }).trimEnd().split('\r\n')).toHaveLength(17);
  });

  it('is usable with Tab and Space alone', async () => {
    const { page, problems } = await openPage(browser);
    await page.goto(served.url);
    await begin(page, 'eve');
    await page.keyboard.press('Enter');
    await page.locator('.label-box').waitFor();
    const focused = (): Promise<string> => page.evaluate('document.activeElement.innerText') as Promise<string>;
    const tabTo = async (text: RegExp): Promise<void> => {
      for (let i = 0; i < 30 && !text.test(await focused()); i++) await page.keyboard.press('Tab');
      expect(await focused()).toMatch(text);
      await page.keyboard.press('Space');
    };
    await tabTo(/^3$/);
    await tabTo(/^Generic/);
    await tabTo(/^Next/);
    await expect.poll(() => page.getByRole('status').innerText()).toBe('1 of 8 rated');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('says when the server is gone, and keeps the answer', async () => {
    const { page } = await openPage(browser);
    await page.goto(served.url);
    await begin(page, 'joe');
    await page.keyboard.press('Enter');
    await page.locator('.label-box').waitFor();
    await page.route('**/rating/answer', (route) => route.abort());
    for (const key of ['4', 'u', 'Enter']) await page.keyboard.press(key);
    await page.getByRole('alert').getByText('The server does not answer').waitFor();
    expect(await page.locator('[aria-pressed=true]').allInnerTexts()).toHaveLength(2);
    await page.unroute('**/rating/answer');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('status').innerText()).toBe('1 of 8 rated');
    await page.close();
  });
});
