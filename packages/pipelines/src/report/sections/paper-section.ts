import type { Paragraph, ReportSection, Table } from '../document.js';
import { paperGapLines } from '../figures/paper-gap-lines.js';
import { gapParagraph, paperGap } from '../paper-gap.js';
import { paperDarkMatter, paperRows } from '../paper-rows.js';
import type { PaperSetting } from '../paper-rows.js';
import type { ReportData } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** The published result beside ours. */
export function paperSection(data: ReportData): ReportSection | undefined {
  if (data.paper === undefined) return undefined;
  const { setting } = data.paper;
  const words = gapParagraph(paperGap(data.saes, data.paper));
  const paragraph: Paragraph | undefined = words === undefined ? undefined : { kind: 'paragraph', text: words };
  return sectionOf('paper', 'Beside the published result', [paragraph, paperGapLines(data), gapTable(data), publishedTable(setting), publishedDarkMatter(setting)]);
}

function gapTable(data: ReportData): Table | undefined {
  const gaps = paperGap(data.saes, data.paper!);
  if (gaps.length === 0) return undefined;
  return {
    kind: 'table',
    id: 'paper-gap',
    title: 'The gap, point by point',
    caption:
      'FVE of the domain arm minus FVE of the broad arm at equal measured L0, on domain text. The paper measured its own SAEs with BOS and Gemma Scope without; "BOS taken out" is an estimate from the published numbers. A dash: outside the range of a curve.',
    columns: [
      { id: 'l0', label: 'L0', format: 'integer', heading: true },
      { id: 'paperReported', label: 'Paper, as reported', format: 'signed4' },
      { id: 'paperWithoutBos', label: 'Paper, BOS taken out', format: 'signed4' },
      { id: 'oursAsPaper', label: 'Here, BOS as in the paper', format: 'signed4' },
      { id: 'ours', label: 'Here, BOS out of both', format: 'signed4' },
    ],
    rows: gaps.map((row) => [row.l0, row.paperReported ?? null, row.paperWithoutBos ?? null, row.oursAsPaper ?? null, row.ours ?? null]),
  };
}

function publishedTable(setting: PaperSetting): Table {
  return {
    kind: 'table',
    id: 'paper-rows',
    title: `Published rows, Gemma-2 ${setting}, medical text`,
    caption: 'arXiv 2508.09363, result files of the authors’ repository (commit 5735cf46). Nominal L0: the target of a domain SAE, the average in the name of a Gemma Scope SAE. FVE without BOS is estimated, not published; Gemma Scope was measured without BOS in the first place.',
    columns: [
      { id: 'arm', label: 'SAE', heading: true },
      { id: 'nominalL0', label: 'Nominal L0', format: 'integer' },
      { id: 'l0', label: 'L0', format: 'short' },
      { id: 'fve', label: 'FVE, reported', format: 'fixed3' },
      { id: 'fveWithoutBos', label: 'FVE, no BOS (estimate)', format: 'short' },
      { id: 'lossRecovered', label: 'Loss recovered', format: 'fixed4' },
      { id: 'deltaCe', label: 'Delta CE, nats/token', format: 'fixed3' },
    ],
    rows: paperRows(setting).map((row) => [sae(row.arm), row.nominalL0, row.l0, row.fve, row.fveWithoutBos ?? null, row.lossRecovered, row.deltaCe]),
  };
}

function publishedDarkMatter(setting: PaperSetting): Table {
  return {
    kind: 'table',
    id: 'paper-dark-matter',
    title: `Published dark-matter rows, Gemma-2 ${setting}`,
    caption: 'Ordinary least squares of the error on the activation, 64,800 training and 43,200 test tokens, first 20 positions dropped. R² of the error vector: mean over dimensions.',
    columns: [
      { id: 'arm', label: 'SAE', heading: true },
      { id: 'nominalL0', label: 'Nominal L0', format: 'integer' },
      { id: 'r2Norm', label: 'R² of the squared error norm', format: 'fixed3' },
      { id: 'r2Vector', label: 'R² of the error vector', format: 'fixed3' },
      { id: 'fvuNonlinear', label: 'FVU, nonlinear part', format: 'fixed3' },
    ],
    rows: paperDarkMatter(setting).map((row) => [sae(row.arm), row.nominalL0, row.r2Norm, row.r2Vector, row.fvuNonlinear]),
  };
}

function sae(arm: 'domain' | 'broad'): string {
  return arm === 'domain' ? 'domain (medical)' : 'broad (Gemma Scope)';
}
