import { setImmediate } from 'node:timers/promises';
import { contentPositions, ExampleCollector } from '@salmon-sae/autointerp';
import type { CodedTokens, ExampleBook, ExampleOptions } from '@salmon-sae/autointerp';
import type { LanguageModel, SparseCodes, TokenBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { ordinaryTokens } from '../experiment/texts.js';

/** Whatever turns activations into sparse codes: an SAE, or directions that stand in for one. */
export interface Coder {
  /** Name under which the book knows its latents. */
  readonly name: string;
  readonly latents: number;
  /** Codes of x [rows, width of the hook]. */
  encode(x: Float32Array, rows: number): SparseCodes;
}

/** A text as token rows and the hook at which a language model is read on it. */
export interface ReadText {
  readonly model: Pick<LanguageModel, 'forward' | 'hookWidth' | 'info'>;
  readonly hook: string;
  readonly rows: readonly TokenBatch[];
  /** Looked at between batches. */
  readonly signal?: AbortSignal;
  /** Ordinary tokens read so far. */
  readonly onTokens?: (done: number, total: number) => void;
}

export interface ContextOptions extends ExampleOptions {
  /** A text that is read for each latent's share of activity by domain, and for nothing else. */
  readonly contrast?: ReadText;
}

/** Example windows of every latent of several coders in one pass of the language model. Throws `cancelled`, `unknown-hook`. */
export async function collectContexts(coders: readonly Coder[], text: ReadText, options: ContextOptions = {}): Promise<ExampleBook> {
  const { contrast, ...settings } = options;
  const collector = new ExampleCollector(coders.map(({ name, latents }) => ({ name, latents })), settings);
  const coded = (x: Float32Array, positions: Int32Array): Readonly<Record<string, CodedTokens>> =>
    Object.fromEntries(coders.map((coder) => [coder.name, { codes: coder.encode(x, positions.length), positions }] as const));
  for await (const { tokens, positions, x } of activationsOf(text)) collector.add(tokens, coded(x, positions));
  if (contrast !== undefined) {
    for await (const { tokens, positions, x } of activationsOf(contrast)) collector.count(tokens, coded(x, positions));
  }
  return collector.finish();
}

/** Activations [positions, width] of the ordinary tokens of each batch; the event loop gets its turn between batches. */
export async function* activationsOf(text: ReadText): AsyncGenerator<{ readonly tokens: TokenBatch; readonly positions: Int32Array; readonly x: Float32Array }> {
  const { model, hook, rows } = text;
  const width = model.hookWidth(hook);
  const total = rows.reduce((sum, batch) => sum + ordinaryTokens(batch), 0);
  let done = 0;
  for (const tokens of rows) {
    await setImmediate();
    if (text.signal?.aborted === true) throw new SalmonError('cancelled', { what: 'Stopped on request before all contexts were read', todo: 'Run the command again: it starts with the contexts' });
    const values = model.forward(tokens, { hooks: [hook] }).activations[hook] ?? new Float32Array();
    const positions = contentPositions(tokens);
    const x = new Float32Array(positions.length * width);
    positions.forEach((at, row) => x.set(values.subarray(at * width, (at + 1) * width), row * width));
    if (positions.length > 0) yield { tokens, positions, x };
    done += positions.length;
    text.onTokens?.(done, total);
  }
}
