import type { Block } from './document.js';
import { withPlainColors } from './figures/arm-style.js';
import { renderMarkdown } from './render-markdown.js';
import { renderReport } from './render-report.js';
import type { ReportData } from './report-data.js';
import { reportSections } from './sections/sections.js';
import { tableCsv } from './table-csv.js';

export interface ReportFile {
  /** Relative to the report's folder, with forward slashes. */
  readonly path: string;
  readonly content: string;
}

/** Everything a report is made of: the page, the Markdown, the data as JSON, every table as CSV, every figure as SVG (colours plain, light). */
export function reportFiles(data: ReportData): readonly ReportFile[] {
  const blocks: readonly Block[] = reportSections(data).flatMap((section) => section.blocks);
  return [
    { path: 'report.html', content: renderReport(data) },
    { path: 'report.md', content: renderMarkdown(data) },
    { path: 'report.json', content: `${JSON.stringify(data, undefined, 2)}\n` },
    ...blocks.flatMap((block): readonly ReportFile[] => {
      if (block.kind === 'table') return [{ path: `tables/${block.id}.csv`, content: tableCsv(block) }];
      if (block.kind === 'figure') return [{ path: `figures/${block.id}.svg`, content: withPlainColors(block.svg) }];
      return [];
    }),
  ];
}
