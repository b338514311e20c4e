import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { renderMarkdown } from './render-markdown.js';
import { renderReport } from './render-report.js';
import type { ReportData } from './report-data.js';
import { reportFiles } from './report-files.js';
import { reportSections } from './sections/sections.js';
import { verdict } from './verdict.js';

const sample = JSON.parse(readFileSync(join(import.meta.dirname, '../../test/fixtures/report-sample.json'), 'utf8')) as ReportData;
const full: ReportData = { ...sample, verdict: verdict(sample.saes, sample.arms, { first: 'domain', second: 'broad' }) };
const { version, title, run, arms } = sample;
const least: ReportData = { version, title, run, arms, saes: [] };

interface Page {
  querySelectorAll(selector: string): readonly { readonly id: string; readonly textContent: string; getAttribute(name: string): string | null }[];
}

function page(html: string): Page {
  return parseHTML(html).document as unknown as Page;
}

describe('the report as HTML', () => {
  const html = renderReport(full);
  const dom = page(html);

  it('holds every section, figure and table, each reachable from the contents', () => {
    const sections = reportSections(full);
    expect([...dom.querySelectorAll('section')].map((s) => s.id)).toEqual(sections.map((s) => s.id));
    expect([...dom.querySelectorAll('nav a')].map((a) => a.getAttribute('href'))).toEqual(sections.map((s) => `#${s.id}`));
    expect(dom.querySelectorAll('figure svg')).toHaveLength(12);
    expect(dom.querySelectorAll('table caption')).toHaveLength(reportSections(full).flatMap((s) => s.blocks).filter((b) => b.kind === 'table').length);
    const ids = [...dom.querySelectorAll('[id]')].map((element) => element.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is self-contained: no script, nothing loaded, and a policy that forbids both', () => {
    expect(dom.querySelectorAll('script, iframe, link, img, object, embed')).toHaveLength(0);
    expect(html).not.toMatch(/\s(src|srcset|on[a-z]+)\s*=/i);
    expect(html).not.toMatch(/url\(|@import/);
    for (const a of dom.querySelectorAll('a')) expect(a.getAttribute('href')).toMatch(/^(#|data:)/);
    expect(dom.querySelectorAll('meta[http-equiv="Content-Security-Policy"]')[0]!.getAttribute('content')).toContain("default-src 'none'");
  });

  it('names every picture, heads every column and row', () => {
    for (const svg of dom.querySelectorAll('figure svg')) expect(svg.getAttribute('role')).toBe('img');
    for (const desc of dom.querySelectorAll('figure svg > desc')) expect(desc.textContent.length).toBeGreaterThan(40);
    for (const th of dom.querySelectorAll('th')) expect(th.getAttribute('scope')).toMatch(/^(row|col)$/);
    for (const frame of dom.querySelectorAll('.table')) expect(frame.getAttribute('tabindex')).toBe('0');
  });

  it('writes no NaN, undefined or object into text', () => {
    expect(html).not.toMatch(/NaN|undefined|\[object/);
  });

  it('keeps corpus text as text, wherever it comes from', () => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
    const card = { ...sample.cards![0]!.cards[0]!, sae: evil, explanation: { text: evil, method: evil, scores: [] }, contexts: [{ doc: evil, domain: evil, tokens: [evil, evil], activations: [0, 1], peak: 1, quantile: 0 }], promoted: [{ token: evil, value: 1 }] };
    const data: ReportData = {
      ...full,
      title: evil,
      summary: evil,
      run: { ...run, id: evil, model: evil, command: evil, texts: { ...run.texts, domain: { ...run.texts.domain, name: evil } } },
      arms: arms.map((arm) => ({ ...arm, label: arm.label + evil, description: evil })),
      cards: [{ title: evil, intro: evil, cards: [card] }],
      overlaps: sample.overlaps!.map((row) => ({ ...row, first: evil, relation: evil })),
      boosting: { ...sample.boosting!, base: evil, rows: sample.boosting!.rows.map((row) => ({ ...row, method: row.method + evil })) },
    };
    const attacked = renderReport(data);
    expect(attacked).not.toContain('<script');
    expect(attacked).not.toContain('<img');
    expect(page(attacked).querySelectorAll('script, img')).toHaveLength(0);
    expect(renderMarkdown(data)).not.toMatch(/(?<!\\)<(script|img)/);
  });

  it('shows run facts and nothing else when there is nothing else', () => {
    expect(reportSections(least).map((section) => section.id)).toEqual(['run']);
    expect(page(renderReport(least)).querySelectorAll('figure')).toHaveLength(0);
  });

  it('is the same on every run', () => {
    expect(renderReport(full)).toBe(html);
  });
});

describe('the numbers in the figures and tables', () => {
  it('stacks dark-matter bars to the unexplained variance', () => {
    const figure = reportSections(full).flatMap((s) => s.blocks).find((b) => b.kind === 'figure' && b.id === 'dark-matter-domain');
    const rows = sample.saes.filter((row) => row.arm === 'broad' && row.targetL0 === 4);
    const mean = rows.reduce((sum, row) => sum + row.texts.domain!.fvuLinear!.value / rows.length, 0);
    expect(figure?.kind === 'figure' && figure.alt).toContain(`Broad, target L0 4: linear ${mean.toFixed(3)}`);
  });

  it('draws every width of an arm as a curve of its own', () => {
    const wide = { ...full, saes: [...sample.saes, ...sample.saes.map((row) => ({ ...row, sae: `${row.sae}-wide`, latents: 2 * row.latents }))] };
    const figure = reportSections(wide).flatMap((s) => s.blocks).find((b) => b.kind === 'figure' && b.id === 'pareto-fve');
    expect(figure?.kind === 'figure' && figure.svg).toContain('Broad, 3 072 latents');
    expect(figure?.kind === 'figure' && figure.svg).toContain('stroke-dasharray="4 3"');
  });

  it('lists every SAE once per text', () => {
    const files = new Map(reportFiles(full).map((file) => [file.path, file.content]));
    const lines = files.get('tables/saes-domain.csv')!.trim().split('\r\n');
    expect(lines).toHaveLength(1 + sample.saes.length);
    expect(lines[0]).toMatch(/^arm,latents,targetL0,seed,l0,l0_low,l0_high,fve,fve_low,fve_high,deltaCe/);
    const first = sample.saes.find((row) => row.arm === 'broad')!;
    expect(lines[1]!.split(',').slice(0, 8)).toEqual(['broad', '1536', '4', '0', ...[first.texts.domain!.l0.value, first.texts.domain!.l0.low, first.texts.domain!.l0.high, first.texts.domain!.fve.value].map(String)]);
  });
});

describe('report files', () => {
  const files = reportFiles(full);
  const paths = files.map((file) => file.path);

  it('has the page, Markdown, data, a CSV per table and an SVG per figure', () => {
    expect(paths.slice(0, 3)).toEqual(['report.html', 'report.md', 'report.json']);
    expect(paths.filter((path) => path.startsWith('figures/'))).toHaveLength(12);
    expect(new Set(paths).size).toBe(paths.length);
    expect(JSON.parse(files[2]!.content)).toEqual(JSON.parse(JSON.stringify(full)));
  });

  it('exports figures that stand alone: plain colours, one root, no page variables', () => {
    for (const { path, content } of files.filter((file) => file.path.endsWith('.svg'))) {
      expect(content, path).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      expect(content, path).not.toContain('var(');
      expect(content.match(/<svg /g), path).toHaveLength(1);
      expect(content, path).not.toContain('NaN');
    }
  });

  it('links from Markdown only to figures that exist', () => {
    const links = [...files[1]!.content.matchAll(/\]\((figures\/[^)]+)\)/g)].map((match) => match[1]);
    expect(links).toHaveLength(12);
    for (const link of links) expect(paths).toContain(link);
    expect(files[1]!.content).toContain('| Arm | Latents | Target L0 |');
  });
});
