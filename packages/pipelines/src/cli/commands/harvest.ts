import { loadLanguageModel, writeStore } from '@salmon-sae/activations';
import { documents, parseDocumentSource, tokenize } from '@salmon-sae/corpus';
import type { DocumentSource } from '@salmon-sae/corpus';
import type { Json } from '@salmon-sae/dataflow';
import { Pace, run as runToEnd, SalmonError } from '@salmon-sae/dataflow';
import { resolveSource } from '@salmon-sae/dataflow/hub';
import { Option } from 'commander';
import type { Command } from 'commander';
import { upTo } from '../../experiment/texts.js';
import { readyEngine } from '../engine.js';
import { onInterrupt } from '../interruption.js';
import { emit, wholeNumber } from '../output.js';
import { compact, Terminal } from '../terminal.js';

interface Options {
  readonly model: string;
  readonly data: string;
  readonly hook: string;
  readonly out: string;
  readonly context: string;
  readonly tokens?: string;
  readonly batchRows: string;
  readonly precision: 'f32' | 'bf16';
  readonly element: 'f32' | 'f16' | 'bf16';
  readonly specials: 'exclude' | 'include';
  readonly json?: boolean;
}

/** `salmon harvest`: text through a language model into an activation store. */
export function addHarvest(program: Command): void {
  program
    .command('harvest')
    .description('write a language model\'s activations on a text to a Parquet store; goes on where an interrupted harvest stopped')
    .requiredOption('--model <folder>', 'Hugging Face model folder, or hf:org/name[@revision]')
    .requiredOption('--data <source>', 'wordnet:medical, wordnet:broad, a .jsonl, .parquet or .txt file, or a document source as JSON')
    .requiredOption('--hook <hooks>', 'comma-separated hooks, all from one pass')
    .requiredOption('--out <folder>', 'folder that holds stores; the store inside is named by what determines its content')
    .option('--context <tokens>', 'longest row', '256')
    .option('--tokens <n>', 'stop after this many tokens (default: the whole text)')
    .option('--batch-rows <n>', 'rows through the model at a time', '16')
    .addOption(new Option('--precision <type>', 'matrix products in').choices(['f32', 'bf16']).default('f32'))
    .addOption(new Option('--element <type>', 'stored values').choices(['f32', 'f16', 'bf16']).default('f32'))
    .addOption(new Option('--specials <rule>', 'BOS, EOS and other special tokens').choices(['exclude', 'include']).default('exclude'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon harvest --model datasets/minnow --data wordnet:medical --hook resid_post.4 --out stores --tokens 200000')
    .action(async (options: Options) => {
      const terminal = new Terminal(options.json);
      await readyEngine(terminal);
      const signal = onInterrupt((text) => terminal.note(text));
      const budget = options.tokens === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--tokens', options.tokens);
      const context = wholeNumber('--context', options.context);
      const batchRows = wholeNumber('--batch-rows', options.batchRows);
      const source = sourceOf(options.data);
      const model = await loadLanguageModel(await resolveSource(options.model), { precision: options.precision });
      try {
        const pace = new Pace(2);
        const frame = { context, packing: 'document', batchRows, bucket: true } as const;
        const last = await runToEnd(
          documents(source, { pace }).pipe(
            tokenize(model.tokenizer, frame),
            upTo(budget),
            writeStore(model, {
              root: options.out,
              data: { source, context, tokens: Number.isFinite(budget) ? budget : null, batchRows } as unknown as Json,
              hooks: options.hook.split(',').map((hook) => hook.trim()),
              context,
              element: options.element,
              specials: options.specials,
              pace,
            }),
          ),
          { signal, onEvent: ({ seen }) => terminal.progress('harvest', seen, Number.isFinite(budget) ? budget : seen, 'tokens') },
        );
        terminal.clear();
        if (last === undefined) throw new SalmonError('no-data', { what: 'The text gave no tokens', where: options.data });
        emit(options.json, last, `${last.folder}: ${compact(last.tokens)} tokens in ${last.shards} shards`);
      } finally {
        model.dispose();
      }
    });
}

/** A document source from its short form or JSON. */
export function sourceOf(text: string): DocumentSource {
  if (text.startsWith('{')) {
    try {
      return parseDocumentSource(JSON.parse(text));
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      throw new SalmonError('usage', { what: 'The document source is not valid JSON', where: '--data', got: cause.message }, { cause });
    }
  }
  const wordnet = /^wordnet:(medical|broad|all)$/.exec(text)?.[1];
  if (wordnet !== undefined) return parseDocumentSource({ kind: 'wordnet', part: wordnet });
  if (text.endsWith('.jsonl')) return { kind: 'jsonl', path: text };
  if (text.endsWith('.parquet')) return { kind: 'parquet', path: text };
  return { kind: 'text', path: text };
}
