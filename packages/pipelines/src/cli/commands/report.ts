import { join } from 'node:path';
import { SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import Table from 'cli-table3';
import { Option } from 'commander';
import type { Command } from 'commander';
import { comparePaper, renderMarkdown, renderReport } from '../../report/index.js';
import type { PaperNumbers, ReportData } from '../../report/index.js';
import { emit } from '../output.js';
import { readJson } from '../read-json.js';

interface ReportOptions {
  readonly format: 'html' | 'md';
  readonly out?: string;
}

/** `salmon report`: a run's report again, as a page or as Markdown for a paper's appendix. */
export function addReport(program: Command): void {
  program
    .command('report')
    .description('render the report of a finished run again, as HTML or Markdown')
    .argument('<run>', 'run directory of salmon experiment')
    .addOption(new Option('--format <format>', 'what to write').choices(['html', 'md']).default('html'))
    .option('--out <file>', 'file to write (default: report.html or report.md in the run)')
    .addHelpText('after', '\nExample:\n  salmon report runs/wordnet-medical --format md --out appendix.md')
    .action(async (run: string, options: ReportOptions) => {
      const data = await storedReport(run);
      const out = options.out ?? join(run, `report.${options.format}`);
      await writeFileAtomic(out, options.format === 'md' ? renderMarkdown(data) : renderReport(data));
      process.stdout.write(`wrote ${out}\n`);
    });
}

/** `salmon paper`: the published rows of arXiv 2508.09363 beside a run's own. */
export function addPaper(program: Command): void {
  program
    .command('paper')
    .description('lay the published rows of "Resurrecting the Salmon" beside a run, point by point')
    .argument('<run>', 'run directory of salmon experiment')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon paper runs/wordnet-medical')
    .action(async (run: string, options: { readonly json?: boolean }) => {
      const rows = comparePaper(await storedReport(run));
      const table = new Table({
        head: ['arm', 'nominal L0', 'L0', 'published: FVE', 'FVE without BOS', 'loss rec.', 'ΔCE', 'here at L0', 'FVE', 'FVE without BOS', 'loss rec.', 'ΔCE'],
        style: { head: [], border: [], compact: true },
      });
      for (const { arm, nominalL0, l0, published, ours } of rows) {
        table.push([arm, cell(nominalL0), cell(l0), ...numbers(published), ours === undefined ? '' : `${cell(ours.l0)}${ours.within ? '' : ' (nearest)'}`, ...numbers(ours)]);
      }
      emit(options.json, { rows }, table.toString());
    });
}

function numbers(of: PaperNumbers | undefined): readonly string[] {
  return [of?.fve, of?.fveWithoutBos, of?.lossRecovered, of?.deltaCe].map(cell);
}

function cell(value: number | undefined): string {
  if (value === undefined) return '';
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}

async function storedReport(run: string): Promise<ReportData> {
  const path = join(run, 'report.json');
  const data = (await readJson(path)) as Partial<ReportData>;
  if (data.version === 1 && Array.isArray(data.saes)) return data as ReportData;
  throw new SalmonError('bad-file', { what: 'This is not the report of a run', where: path, expected: 'version 1 with its SAE rows', todo: 'Name the run directory of a finished salmon experiment' });
}
