import { basename, join } from 'node:path';
import { loadLanguageModel } from '@salmon-sae/activations';
import type { LlmSettings, LlmUsage } from '@salmon-sae/autointerp';
import { documents, tokenize } from '@salmon-sae/corpus';
import type { LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { run as runToEnd, SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import { resolveSource } from '@salmon-sae/dataflow/hub';
import { loadSae, openSae } from '@salmon-sae/sae-core';
import type { Sae } from '@salmon-sae/sae-core';
import Table from 'cli-table3';
import { Option } from 'commander';
import type { Command } from 'commander';
import { ordinaryTokens, upTo } from '../../experiment/texts.js';
import { EXPORTS, interpretSaes, openClient, patternGroups, SCORERS, scoresJson, writeCards, writeExports } from '../../interpretation/index.js';
import type { Interpretation, MeanScore } from '../../interpretation/index.js';
import { readyEngine } from '../engine.js';
import { onInterrupt } from '../interruption.js';
import { emit, wholeNumber } from '../output.js';
import { Terminal } from '../terminal.js';
import { sourceOf } from './harvest.js';

interface Options {
  readonly sae: readonly string[];
  readonly model: string;
  readonly data: string;
  readonly contrast?: string;
  readonly group?: string;
  readonly out: string;
  readonly hook?: string;
  readonly tokens: string;
  readonly context: string;
  readonly latents: string;
  readonly minExamples: string;
  readonly scorers: string;
  readonly controls: boolean;
  readonly seed: string;
  readonly client: 'lexical' | 'llm';
  readonly provider?: LlmSettings['provider'];
  readonly llmModel?: string;
  readonly baseUrl?: string;
  readonly priceInput?: string;
  readonly priceOutput?: string;
  readonly budget?: string;
  readonly budgetTokens?: string;
  readonly concurrency?: string;
  readonly cache?: string;
  readonly export?: string;
  readonly json?: boolean;
}

/** `salmon interpret`: explanations of an SAE's latents, scored against chance controls, and feature cards. */
export function addInterpret(program: Command): void {
  program
    .command('interpret')
    .description('explain and score latents of SAEs on a text, beside chance controls, and write a feature card for every latent that fires')
    .requiredOption('--sae <paths...>', 'one or several SAEs in any readable format')
    .requiredOption('--model <folder>', 'Hugging Face model folder, or hf:org/name[@revision]')
    .requiredOption('--data <source>', 'wordnet:medical, wordnet:broad, a .jsonl, .parquet or .txt file, or a document source as JSON')
    .option('--contrast <source>', 'a text of another domain, read to the same length only for each latent\'s share of activity by domain')
    .option('--group <pattern>', 'regular expression on document ids: documents for which it finds the same go to the same side of explainer and scorer (default: WordNet documents by head word, others by id)')
    .option('--out <folder>', 'folder for cards.parquet, cards.csv, scores.json and exports', 'interpretation')
    .option('--hook <hook>', 'hook the SAEs read (default: what the first SAE was trained on)')
    .option('--tokens <n>', 'tokens of text to read', '200000')
    .option('--context <tokens>', 'longest row', '256')
    .option('--latents <n>', 'latents explained and scored per SAE, drawn at random, or all', '50')
    .option('--min-examples <n>', 'activating windows a latent needs to be drawn', '20')
    .option('--scorers <list>', `comma-separated: ${SCORERS.join(', ')}`, 'detection,fuzzing')
    .option('--no-controls', 'leave out shuffled explanations and random directions')
    .option('--seed <n>', 'draw of latents, windows and controls', '0')
    .addOption(new Option('--client <kind>', 'who explains and judges: word rules offline, or a language model over HTTP').choices(['lexical', 'llm']).default('lexical'))
    .addOption(new Option('--provider <name>', 'of the llm client; its key comes from the environment only: SALMON_LLM_API_KEY, or the provider\'s own variable').choices(['openai-compatible', 'anthropic', 'ollama']))
    .option('--llm-model <name>', 'model of the llm client')
    .option('--base-url <url>', 'address of the llm client with version path, such as http://127.0.0.1:8000/v1')
    .option('--price-input <usd>', 'USD per million input tokens')
    .option('--price-output <usd>', 'USD per million output tokens')
    .option('--budget <usd>', 'stop before more than this is spent; what is scored by then is kept')
    .option('--budget-tokens <n>', 'the same in tokens')
    .option('--concurrency <n>', 'requests under way at a time (default 4)')
    .option('--cache <folder>', 'paid answers, so that no question is paid twice (default: answers in the --out folder)')
    .option('--export <formats>', `comma-separated: ${EXPORTS.join(', ')}`)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  salmon interpret --sae runs/demo/saes/domain --model datasets/minnow --data wordnet:medical --out runs/demo/interpretation --latents 100' +
        '\n\nWhat --provider, --llm-model, --base-url, the prices and --budget leave out is read from SALMON_LLM_PROVIDER, _MODEL, _BASE_URL, _PRICE_INPUT, _PRICE_OUTPUT and _BUDGET.',
    )
    .action(async (options: Options) => {
      const terminal = new Terminal(options.json);
      const numbers = { latents: options.latents === 'all' ? undefined : wholeNumber('--latents', options.latents), minExamples: wholeNumber('--min-examples', options.minExamples), seed: seedOf(options.seed) };
      const scorers = listOf('--scorers', options.scorers, SCORERS);
      const formats = options.export === undefined ? [] : listOf('--export', options.export, EXPORTS);
      const examples = options.group === undefined ? {} : { examples: { group: patternGroups(options.group) } };
      const signal = onInterrupt((text) => terminal.note(text));
      const cache = options.cache ?? join(options.out, 'answers');
      const tokenBudget = options.budgetTokens === undefined ? {} : { budgetTokens: wholeNumber('--budget-tokens', options.budgetTokens) };
      const client = await openClient({ kind: options.client, llm: llmSettings(options), cache, signal, ...tokenBudget }, process.env);
      await readyEngine(terminal);
      const model = await loadLanguageModel(await resolveSource(options.model));
      const saes: { readonly name: string; readonly sae: Sae }[] = [];
      try {
        for (const [i, path] of options.sae.entries()) saes.push({ name: nameOf(i, options.sae), sae: openSae(await loadSae(path)) });
        const hook = options.hook ?? saes[0]?.sae.state.site.hook ?? '';
        for (const one of saes) checkWidth(one, hook, model);
        const rows = await rowsOf(model, options.data, { options, signal });
        const contrast = options.contrast === undefined ? {} : { contrast: await rowsOf(model, options.contrast, { options, signal }) };
        const task = { model, hook, rows, saes, ...contrast };
        const spent = (): string => costText(client.usage());
        const progress = (stage: string, done: number, total: number, unit: string): void => terminal.progress(stage, done, total, unit, spent());
        const interpretation = await interpretSaes(task, { ...numbers, ...examples, client: client.client, scorers, controls: options.controls, signal, onProgress: progress });
        const tokens = rows.reduce((sum, batch) => sum + ordinaryTokens(batch), 0);
        const usage = client.usage();
        const head = { model: model.info.id, modelHash: model.info.hash, hook, data: options.data, tokens, client: client.id, scorers, seed: numbers.seed, usage };
        const scores = scoresJson(head, interpretation);
        const path = join(options.out, 'scores.json');
        await writeFileAtomic(path, `${JSON.stringify(scores, null, 1)}\n`);
        const files = await writeCards(options.out, task, { interpretation, signal, onCard: (done, total) => progress('feature cards', done, total, 'cards') });
        const by = { book: interpretation.book, parquet: files.parquet, dataset: options.data, createdAt: `${new Date().toISOString().slice(0, 10)}T00:00:00.000Z` };
        const exported = interpretation.stopped === 'interrupted' ? [] : await writeExports(options.out, task, { ...by, formats, signal });
        terminal.clear();
        const paid = usage === undefined ? '' : `\n${usage.requests} requests, ${usage.cached} answers from the cache, ${usage.inputTokens} + ${usage.outputTokens} tokens, ${usage.cost.toFixed(4)} USD, ${usage.parseFailures} unreadable`;
        const where = [files.parquet, files.csv, path, ...exported].join('\n  ');
        emit(options.json, { ...(scores as object), files: { cards: files.parquet, csv: files.csv, scores: path, exports: exported } }, `${tablesOf(interpretation)}${paid}${stopText(interpretation)}\nwrote ${files.cards} cards\n  ${where}`);
        if (interpretation.stopped === 'interrupted') process.exitCode = 130;
      } finally {
        for (const { sae } of saes) sae.dispose();
        model.dispose();
      }
    });
}

async function rowsOf(model: LanguageModel, data: string, by: { readonly options: Options; readonly signal: AbortSignal }): Promise<readonly TokenBatch[]> {
  const { options, signal } = by;
  const frame = { context: wholeNumber('--context', options.context), packing: 'document', batchRows: 16, bucket: true } as const;
  const rows: TokenBatch[] = [];
  const text = documents(sourceOf(data)).pipe(tokenize(model.tokenizer, frame), upTo(wholeNumber('--tokens', options.tokens)));
  await runToEnd(text, { signal, onEvent: (batch) => void rows.push(batch) });
  if (rows.length === 0) throw new SalmonError('no-data', { what: 'The text gave no tokens', where: data });
  return rows;
}

function llmSettings(options: Options): Partial<LlmSettings> {
  const { provider, llmModel, baseUrl, budget, concurrency, priceInput, priceOutput } = options;
  const price = priceInput === undefined && priceOutput === undefined ? {} : { price: { input: amount('--price-input', priceInput ?? '0'), output: amount('--price-output', priceOutput ?? '0') } };
  return {
    ...(provider === undefined ? {} : { provider }),
    ...(llmModel === undefined ? {} : { model: llmModel }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(budget === undefined ? {} : { budget: amount('--budget', budget) }),
    ...(concurrency === undefined ? {} : { concurrency: wholeNumber('--concurrency', concurrency) }),
    ...price,
  };
}

function amount(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new SalmonError('usage', { what: `${option} is not an amount in USD`, got: `"${text}"`, todo: `Give a number, for example ${option} 2.50` });
}

function seedOf(text: string): number {
  return text === '0' ? 0 : wholeNumber('--seed', text);
}

function listOf<T extends string>(option: string, text: string, known: readonly T[]): readonly T[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  const unknown = names.filter((name) => !known.some((one) => one === name));
  if (unknown.length > 0) throw new SalmonError('usage', { what: `${option} names what there is not`, expected: known.join(', '), got: unknown.join(', ') });
  return known.filter((one) => names.includes(one));
}

/** The last part of the path, or all of it where two SAEs share that. */
function nameOf(index: number, paths: readonly string[]): string {
  const [path = '', short] = [paths[index], basename(paths[index] ?? '')];
  if (paths.filter((other) => basename(other) === short).length === 1) return short;
  if (paths.filter((other) => other === path).length === 1) return path;
  throw new SalmonError('usage', { what: 'An SAE is named twice', where: '--sae', got: path });
}

function checkWidth(one: { readonly name: string; readonly sae: Sae }, hook: string, model: LanguageModel): void {
  const width = model.hookWidth(hook);
  if (one.sae.width === width) return;
  throw new SalmonError('bad-shape', { what: 'The SAE does not fit the hook', where: one.name, expected: `width ${width} (${hook})`, got: `width ${one.sae.width}`, todo: 'Give the --hook on which it was trained' });
}

function tablesOf(interpretation: Interpretation): string {
  return interpretation.saes
    .map((one) => {
      const table = new Table({ head: ['score (mean over latents)', 'SAE', 'shuffled explanations', 'random directions'], style: { head: [], border: [], compact: true } });
      for (const { scorer, metric, own, shuffled, random } of one.summary) table.push([`${scorer} ${metric}`, cell(own), cell(shuffled), cell(random)]);
      const title = `${one.name}: ${one.live} of ${one.latents} latents fire, ${one.eligible} often enough to be scored, ${one.scored.length} of ${one.drawn.length} drawn scored${leftOut(one)}`;
      return one.summary.length === 0 ? title : `${title}\n${table.toString()}`;
    })
    .join('\n');
}

function leftOut({ unscored, unexplained }: Interpretation['saes'][number]): string {
  const parts = [...(unexplained.length === 0 ? [] : [`${unexplained.length} without a readable explanation`]), ...(unscored.length === 0 ? [] : [`${unscored.length} explained only`])];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function costText(usage: LlmUsage | undefined): string {
  if (usage === undefined || usage.requests === 0) return '';
  return usage.cost === 0 ? `${usage.requests} requests` : `${usage.cost.toFixed(4)} USD`;
}

function cell(score: MeanScore | undefined): string {
  if (score === undefined) return '';
  const { mean, low, high, n } = score;
  const range = low === undefined || high === undefined ? '' : ` [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return `${mean.toFixed(3)}${range} n=${n}`;
}

function stopText({ stopped }: Interpretation): string {
  if (stopped === undefined) return '';
  const why = stopped === 'budget' ? 'The budget is used up' : 'Stopped on request';
  const next = stopped === 'budget' ? 'With a larger budget the same command goes on: answers already paid for come from the cache.' : 'Run the command again for all; answers already paid for come from the cache.';
  return `\n${why}: the scores cover the latents done by then. ${next}`;
}
