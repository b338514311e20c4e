import { join } from 'node:path';
import { writeFileAtomic } from '@salmon-sae/dataflow';
import { writeParquet } from '@salmon-sae/dataflow/parquet';
import { canDrawText, figurePng } from './figure-png.js';
import { withPlainColors } from './figures/arm-style.js';
import { renderMarkdown } from './render-markdown.js';
import { renderReport } from './render-report.js';
import type { ReportData } from './report-data.js';
import { reportSections } from './sections/sections.js';
import { tableCsv } from './table-csv.js';
import { tableParquet } from './table-parquet.js';

export interface WriteReportOptions {
  /** Name of a further report in the same folder: report-<part>.*, its tables and figures in folders of that name. */
  readonly part?: string;
  /** Told once when the pictures cannot be drawn for want of a font. */
  readonly notice?: (text: string) => void;
}

/** Writes a report: HTML, Markdown and JSON, every table as CSV and Parquet, every figure as SVG and PNG. */
export async function writeReport(folder: string, data: ReportData, options: WriteReportOptions = {}): Promise<void> {
  const { part } = options;
  const name = part === undefined ? 'report' : `report-${part}`;
  const places = (kind: 'tables' | 'figures'): string => (part === undefined ? kind : `${kind}/${part}`);
  await writeFileAtomic(join(folder, `${name}.json`), `${JSON.stringify(data, null, 1)}\n`);
  const blocks = reportSections(data).flatMap((section) => section.blocks);
  const fonts = canDrawText();
  if (!fonts) options.notice?.('No font was found on this machine: figures are written as SVG only, not as PNG.');
  for (const block of blocks) {
    if (block.kind === 'table') {
      const base = join(folder, places('tables'), block.id);
      await writeFileAtomic(`${base}.csv`, tableCsv(block));
      const { schema, rows } = tableParquet(block);
      await writeParquet(`${base}.parquet`, schema, rows, { metadata: { title: block.title, caption: block.caption } });
    }
    if (block.kind === 'figure') {
      const base = join(folder, places('figures'), block.id);
      const svg = withPlainColors(block.svg);
      await writeFileAtomic(`${base}.svg`, svg);
      if (fonts) await writeFileAtomic(`${base}.png`, figurePng(svg));
    }
  }
  await writeFileAtomic(join(folder, `${name}.md`), renderMarkdown(data, { figures: places('figures') }));
  await writeFileAtomic(join(folder, `${name}.html`), renderReport(data));
}
