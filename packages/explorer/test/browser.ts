import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const RESULTS = join(import.meta.dirname, '..', 'test-results');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function launch(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`These tests need Chromium at ${CHROMIUM}: install it ("apt-get install chromium" on Debian), or set CHROMIUM_PATH to a Chromium or Chrome.`);
  }
  mkdirSync(RESULTS, { recursive: true });
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
}

export interface Watched {
  readonly page: Page;
  /** Console errors and warnings, page errors, failed requests: must stay empty. */
  readonly problems: string[];
  /** Every body and header that came from the server, as text. */
  readonly traffic: string[];
}

export const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } } as const;
export type Size = keyof typeof SIZES;

export async function openPage(browser: Browser, scheme: 'light' | 'dark' = 'light', size: Size = 'wide'): Promise<Watched> {
  const page = await browser.newPage({ viewport: SIZES[size], colorScheme: scheme });
  const problems: string[] = [];
  const traffic: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`page: ${error.message}`));
  page.on('requestfailed', (request) => problems.push(`request: ${request.url()} ${request.failure()?.errorText ?? ''}`));
  page.on('response', (response) => {
    if (!/json/.test(response.headers()['content-type'] ?? '')) return;
    void response.text().then(
      (body) => traffic.push(`${response.url()}\n${JSON.stringify(response.headers())}\n${body}`),
      (error: Error) => problems.push(`body: ${error.message}`),
    );
  });
  return { page, problems, traffic };
}

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly help: string; readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[] }[];
}

/** How far the page reaches beyond its window to the right, in px. */
export async function overflow(page: Page): Promise<number> {
  return (await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number;
}

/** Accessibility faults of the page as it stands, one line each. */
export async function axe(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const result = (await page.evaluate('axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] })')) as AxeResult;
  return result.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html ?? ''} ${nodes[0]?.failureSummary ?? ''}`);
}

export async function shot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(RESULTS, `${name}.png`) });
}
