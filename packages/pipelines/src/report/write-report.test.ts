import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readParquet } from '@salmon-sae/dataflow/parquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canDrawText } from './figure-png.js';
import type { ReportData } from './report-data.js';
import { reportSections } from './sections/sections.js';
import { tableCsv } from './table-csv.js';
import { writeReport } from './write-report.js';

const sample = JSON.parse(readFileSync(join(import.meta.dirname, '../../test/fixtures/report-sample.json'), 'utf8')) as ReportData;

describe('writeReport', () => {
  let folder = '';
  let files: readonly string[] = [];
  const notices: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'salmon-report-'));
    await writeReport(folder, { ...sample, related: [{ title: 'Law & order', href: 'report-law.html' }] }, { notice: (text) => notices.push(text) });
    await writeReport(folder, { ...sample, paper: { setting: '2b-16k', domainArm: 'domain', broadArm: 'broad' } }, { part: 'law' });
    files = await readdir(folder, { recursive: true });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gives every table as CSV and Parquet with the same numbers', async () => {
    const tables = reportSections(sample).flatMap((section) => section.blocks).filter((block) => block.kind === 'table');
    for (const table of tables) {
      const file = await readParquet(join(folder, 'tables', `${table.id}.parquet`));
      const rows = await file.readGroup(0);
      await file.close();
      expect(rows).toHaveLength(table.rows.length);
      const header = tableCsv(table).split('\r\n')[0]?.split(',');
      expect(Object.keys(file.schema), table.id).toEqual(header);
    }
    const saes = await readParquet(join(folder, 'tables', 'saes-domain.parquet'));
    const [row] = await saes.readGroup(0);
    await saes.close();
    const own = sample.saes.find((sae) => sae.arm === String(row?.['arm']) && sae.targetL0 === Number(row?.['targetL0']) && sae.seed === Number(row?.['seed']));
    expect(row?.['fve']).toBe(own?.texts.domain?.fve.value);
    expect(row?.['fve_low']).toBe(own?.texts.domain?.fve.low);
  });

  it('gives every figure as SVG, and as PNG at twice the size where there are fonts', async () => {
    const svgs = files.filter((file) => file.startsWith('figures/') && file.endsWith('.svg'));
    expect(svgs.length).toBeGreaterThan(10);
    expect(notices).toHaveLength(canDrawText() ? 0 : 1);
    for (const svg of canDrawText() ? svgs : []) {
      const png = await readFile(join(folder, svg.replace(/svg$/, 'png')));
      expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
      const width = Number(/ width="(\d+)"/.exec(await readFile(join(folder, svg), 'utf8'))?.[1]);
      expect(png.readUInt32BE(16)).toBe(2 * width);
    }
  });

  it('exports figures that stand alone: plain colours, one root, no page variables', async () => {
    for (const path of files.filter((file) => file.endsWith('.svg'))) {
      const content = await readFile(join(folder, path), 'utf8');
      expect(content, path).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      expect(content, path).not.toContain('var(');
      expect(content.match(/<svg /g), path).toHaveLength(1);
      expect(content, path).not.toContain('NaN');
    }
  });

  it('links from Markdown to every figure, and holds the data as they are', async () => {
    const markdown = await readFile(join(folder, 'report.md'), 'utf8');
    const links = [...markdown.matchAll(/\]\((figures\/[^)]+)\)/g)].map((match) => match[1] ?? '');
    expect(links).toHaveLength(reportSections(sample).flatMap((section) => section.blocks).filter((block) => block.kind === 'figure').length);
    for (const link of links) expect(files).toContain(link);
    expect(markdown).toContain('| Arm | Latents | Target L0 |');
    expect(JSON.parse(await readFile(join(folder, 'report-law.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify({ ...sample, paper: { setting: '2b-16k', domainArm: 'domain', broadArm: 'broad' } })));
  });

  it('knows when there is no font to draw text with', () => {
    expect(canDrawText(false)).toBe(false);
  });

  it('keeps the reports of several domains apart and links them', async () => {
    expect(files).toEqual(expect.arrayContaining(['report.html', 'report-law.html', 'report-law.md', 'report-law.json', join('tables', 'law', 'saes-domain.csv'), join('figures', 'law', 'pareto-fve.svg')]));
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toContain('<a href="report-law.html">Law &amp; order</a>');
    expect(await readFile(join(folder, 'report.md'), 'utf8')).toContain('(report-law.md)');
    expect(await readFile(join(folder, 'report-law.md'), 'utf8')).toContain('](figures/law/pareto-fve.svg)');
  });
});
