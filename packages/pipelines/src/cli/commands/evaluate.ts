import { loadLanguageModel } from '@salmon-sae/activations';
import { documents, tokenize } from '@salmon-sae/corpus';
import type { MetricRow, TokenBatch } from '@salmon-sae/dataflow';
import { run as runToEnd, SalmonError } from '@salmon-sae/dataflow';
import { resolveSource } from '@salmon-sae/dataflow/hub';
import { toRows } from '@salmon-sae/metrics';
import type { NamedSae, Sampled } from '@salmon-sae/metrics';
import { loadSae, openSae } from '@salmon-sae/sae-core';
import type { Sae } from '@salmon-sae/sae-core';
import Table from 'cli-table3';
import { Option } from 'commander';
import type { Command } from 'commander';
import { darkMatterPass, lossPass, reconstructionPass } from '../../experiment/passes.js';
import { ordinaryTokens, upTo } from '../../experiment/texts.js';
import { readyEngine } from '../engine.js';
import { onInterrupt } from '../interruption.js';
import { emit, wholeNumber } from '../output.js';
import { Terminal } from '../terminal.js';
import { sourceOf } from './harvest.js';

interface Options {
  readonly sae: readonly string[];
  readonly model: string;
  readonly data: string;
  readonly hook?: string;
  readonly metrics: string;
  readonly tokens: string;
  readonly lossTokens: string;
  readonly context: string;
  readonly specials: 'exclude' | 'include';
  readonly json?: boolean;
}

const GROUPS = ['reconstruction', 'loss', 'dark-matter'] as const;

/** `salmon evaluate`: metric rows of one or several SAEs on a text. */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('measure SAEs on a text: reconstruction, sparsity, loss with the reconstruction spliced in, linear part of the error')
    .requiredOption('--sae <paths...>', 'one or several SAEs in any readable format')
    .requiredOption('--model <folder>', 'Hugging Face model folder, or hf:org/name[@revision]')
    .requiredOption('--data <source>', 'wordnet:medical, wordnet:broad, a .jsonl, .parquet or .txt file, or a document source as JSON')
    .option('--hook <hook>', 'hook the SAEs read (default: what the first SAE was trained on)')
    .option('--metrics <groups>', `comma-separated: ${GROUPS.join(', ')}`, GROUPS.join(','))
    .option('--tokens <n>', 'tokens for reconstruction and the linear error', '50000')
    .option('--loss-tokens <n>', 'tokens for the loss', '10000')
    .option('--context <tokens>', 'longest row', '256')
    .addOption(new Option('--specials <rule>', 'BOS, EOS and other special tokens').choices(['exclude', 'include']).default('exclude'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon evaluate --sae runs/demo/saes/* --model datasets/minnow --data wordnet:medical --hook resid_post.4')
    .action(async (options: Options) => {
      const terminal = new Terminal(options.json);
      await readyEngine(terminal);
      const signal = onInterrupt((text) => terminal.note(text));
      const groups = groupsOf(options.metrics);
      const model = await loadLanguageModel(await resolveSource(options.model));
      const saes: NamedSae<Sae>[] = [];
      try {
        for (const path of options.sae) saes.push({ name: path, sae: openSae(await loadSae(path)) });
        const hook = options.hook ?? saes[0]?.sae.state.site.hook ?? '';
        model.hookWidth(hook);
        const frame = { context: wholeNumber('--context', options.context), packing: 'document', batchRows: 16, bucket: true } as const;
        const rows: TokenBatch[] = [];
        await runToEnd(documents(sourceOf(options.data)).pipe(tokenize(model.tokenizer, frame), upTo(wholeNumber('--tokens', options.tokens))), { signal, onEvent: (batch) => void rows.push(batch) });
        const found = new Map<string, Sampled[]>(saes.map(({ name }) => [name, []]));
        const keep = (measured: readonly { readonly sae: string; readonly metrics: Readonly<Record<string, Sampled>> }[]): void => {
          for (const { sae, metrics } of measured) found.get(sae)?.push(...Object.values(metrics));
        };
        const task = { model, hook, rows, saes };
        const passOptions = {
          specials: options.specials,
          onTokens: (pass: string, done: number, total: number): void => {
            if (signal.aborted) throw new SalmonError('cancelled', { what: 'Stopped on request before everything was measured' });
            terminal.progress(pass, done, total, 'tokens');
          },
        };
        if (groups.includes('reconstruction')) keep((await reconstructionPass(task, passOptions)).saes);
        if (groups.includes('loss')) keep((await lossPass(task, { ...passOptions, tokens: wholeNumber('--loss-tokens', options.lossTokens) })).saes);
        if (groups.includes('dark-matter')) keep(await darkMatterPass(task, passOptions));
        const total = rows.reduce((sum, batch) => sum + ordinaryTokens(batch), 0);
        terminal.clear();
        const metricRows = [...found].flatMap(([sae, metrics]) => toRows(metrics, { run: 'evaluate', sae, split: 'given', domain: options.data }));
        emit(options.json, { hook, tokens: total, rows: metricRows }, tableOf(metricRows));
      } finally {
        for (const { sae } of saes) sae.dispose();
        model.dispose();
      }
    });
}

function groupsOf(text: string): readonly string[] {
  const groups = text.split(',').map((group) => group.trim());
  const unknown = groups.filter((group) => !GROUPS.some((known) => known === group));
  if (unknown.length === 0) return groups;
  throw new SalmonError('usage', { what: '--metrics names unknown groups', expected: GROUPS.join(', '), got: unknown.join(', ') });
}

function tableOf(rows: readonly MetricRow[]): string {
  const saes = [...new Set(rows.map(({ sae }) => sae))];
  const metrics = [...new Set(rows.map(({ metric }) => metric))];
  const table = new Table({ head: ['metric', ...saes], style: { head: [], border: [], compact: true } });
  for (const metric of metrics) {
    table.push([metric, ...saes.map((sae) => cell(rows.find((row) => row.metric === metric && row.sae === sae)))]);
  }
  return table.toString();
}

function cell(row: MetricRow | undefined): string {
  if (row === undefined) return '';
  const value = row.value.toPrecision(4);
  return row.low === undefined || row.high === undefined ? value : `${value} [${row.low.toPrecision(3)}, ${row.high.toPrecision(3)}]`;
}
