import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { renderMarkdown } from './render-markdown.js';
import { renderReport } from './render-report.js';
import type { Table } from './document.js';
import type { ReportData } from './report-data.js';
import { reportSections } from './sections/sections.js';
import { tableCsv } from './table-csv.js';

const full = JSON.parse(readFileSync(join(import.meta.dirname, '../../test/fixtures/report-sample.json'), 'utf8')) as ReportData;
const { version, title, run, arms } = full;
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
    expect(dom.querySelectorAll('figure svg')).toHaveLength(13);
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
    for (const th of dom.querySelectorAll('th')) expect(th.getAttribute('scope')).toMatch(/^(row|col|rowgroup)$/);
    for (const frame of dom.querySelectorAll('.table')) expect(frame.getAttribute('tabindex')).toBe('0');
  });

  it('writes no NaN, undefined or object into text', () => {
    expect(html).not.toMatch(/NaN|undefined|\[object/);
  });

  it('keeps corpus text as text, wherever it comes from', () => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
    const card = { ...full.cards![0]!.cards[0]!, sae: evil, explanation: { text: evil, method: evil, scores: [] }, contexts: [{ doc: evil, domain: evil, tokens: [evil, evil], activations: [0, 1], peak: 1, quantile: 0 }], promoted: [{ token: evil, value: 1 }] };
    const data: ReportData = {
      ...full,
      title: evil,
      summary: evil,
      run: { ...run, id: evil, model: evil, command: evil, texts: { ...run.texts, domain: { ...run.texts.domain, name: evil } } },
      arms: arms.map((arm) => ({ ...arm, label: arm.label + evil, description: evil })),
      cards: [{ title: evil, intro: evil, cards: [card] }],
      overlaps: full.overlaps!.map((row) => ({ ...row, first: evil, relation: evil })),
      boosting: { ...full.boosting!, base: evil, rows: full.boosting!.rows.map((row) => ({ ...row, method: row.method + evil })) },
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
    const rows = full.saes.filter((row) => row.arm === 'broad' && row.targetL0 === 4);
    const mean = rows.reduce((sum, row) => sum + row.texts.domain!.fvuLinear!.value / rows.length, 0);
    expect(figure?.kind === 'figure' && figure.alt).toContain(`Broad, target L0 4: linear ${mean.toFixed(3)}`);
  });

  it('draws every width of an arm as a curve of its own', () => {
    const wide = { ...full, saes: [...full.saes, ...full.saes.map((row) => ({ ...row, sae: `${row.sae}-wide`, latents: 2 * row.latents }))] };
    const figure = reportSections(wide).flatMap((s) => s.blocks).find((b) => b.kind === 'figure' && b.id === 'pareto-fve');
    expect(figure?.kind === 'figure' && figure.svg).toContain('Broad, 3 072 latents');
    expect(figure?.kind === 'figure' && figure.svg).toContain('stroke-dasharray="4 3"');
  });

  it('says what a law of the width takes where there are too few, and draws it where there are enough', () => {
    const section = (widths: number, rows = full.scaling!.rows): ReturnType<typeof reportSections>[number] | undefined => reportSections({ ...full, scaling: { widths, needed: 3, rows } }).find(({ id }) => id === 'scaling');
    const text = (of: ReturnType<typeof section>): string => of?.blocks.map((block) => (block.kind === 'paragraph' ? block.text : '')).join('') ?? '';
    expect(section(1, [])?.blocks).toHaveLength(1);
    expect(text(section(1, []))).toContain('needs at least 3 widths (grid.latents); this run has 1, so nothing is fitted');
    expect(text(section(3))).toContain('Domain: further features');
    const figure = section(3)?.blocks.find((block) => block.kind === 'figure');
    expect(figure?.kind === 'figure' && figure.svg).toContain('3 072');
    const [row] = full.scaling!.rows;
    const two = { ...row!, points: row!.points.slice(0, 2) };
    expect(text(section(2, [two]))).toContain('this run has 2, so the slope is given');
  });

  it('lists every SAE once per text', () => {
    const table = reportSections(full).flatMap((s) => s.blocks).find((b) => b.kind === 'table' && b.id === 'saes-domain');
    const lines = tableCsv(table as Table).trim().split('\r\n');
    expect(lines).toHaveLength(1 + full.saes.length);
    expect(lines[0]).toMatch(/^arm,latents,targetL0,seed,l0,l0_low,l0_high,fve,fve_low,fve_high,deltaCe/);
    const first = full.saes.find((row) => row.arm === 'broad')!;
    expect(lines[1]!.split(',').slice(0, 8)).toEqual(['broad', '1536', '4', '0', ...[first.texts.domain!.l0.value, first.texts.domain!.l0.low, first.texts.domain!.l0.high, first.texts.domain!.fve.value].map(String)]);
  });
});
