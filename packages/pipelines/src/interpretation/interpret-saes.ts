import { setImmediate } from 'node:timers/promises';
import { explainLatents, isBudgetReached } from '@salmon-sae/autointerp';
import type { ExampleBook, ExampleOptions, Explained } from '@salmon-sae/autointerp';
import type { Explanation, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { random, SalmonError } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import { collectContexts } from './collect-contexts.js';
import { collectRandomControls } from './random-control.js';
import { readerOf } from './readers.js';
import type { Client, Reader } from './readers.js';
import { scoreLatents } from './score-latents.js';
import type { Scorer } from './score-latents.js';
import { summarise } from './summaries.js';
import type { ScoreSummary } from './summaries.js';

export interface InterpretTask {
  readonly model: LanguageModel;
  readonly hook: string;
  readonly rows: readonly TokenBatch[];
  readonly saes: readonly { readonly name: string; readonly sae: Sae }[];
}

export interface InterpretOptions {
  readonly client: Client;
  readonly scorers: readonly Scorer[];
  /** Latents explained and scored per SAE, drawn at random among those with enough windows; undefined: all of them. */
  readonly latents: number | undefined;
  /** Activating windows that a latent needs to be drawn. */
  readonly minExamples: number;
  readonly seed: number;
  readonly controls: boolean;
  readonly examples?: ExampleOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: string, done: number, total: number, unit: string) => void;
}

export interface InterpretedLatent {
  readonly latent: number;
  readonly density: number;
  readonly explanation: Explanation;
}

export interface Interpreted {
  readonly name: string;
  readonly latents: number;
  /** Latents that fired at all, and those with enough windows to be drawn. */
  readonly live: number;
  readonly eligible: number;
  /** Latents drawn to be scored. */
  readonly drawn: readonly number[];
  readonly scored: readonly InterpretedLatent[];
  /** `latent` is here the index of a random direction, which stands for `drawn[index]`. */
  readonly random: readonly InterpretedLatent[];
  readonly summary: readonly ScoreSummary[];
}

export interface Interpretation {
  readonly book: ExampleBook;
  readonly saes: readonly Interpreted[];
  /** Why not all drawn latents were scored. */
  readonly stopped?: 'budget' | 'interrupted';
}

/** Latents that are explained, shuffled among each other and scored before the next ones, so that a stop leaves whole comparisons. */
const BLOCK = 16;

interface Arm {
  readonly book: ExampleBook;
  readonly name: string;
  readonly latents: readonly number[];
  readonly reader: Reader;
  readonly control: boolean;
  readonly direction?: (latent: number) => Float32Array;
  readonly found: InterpretedLatent[];
}

/**
 * Collects contexts, explains and scores a sample of each SAE's latents, and does the same for random directions of equal density.
 * A used-up budget or an interruption while scoring ends it early with what is whole; while collecting, `cancelled` is thrown.
 */
export async function interpretSaes(task: InterpretTask, options: InterpretOptions): Promise<Interpretation> {
  const { saes, model } = task;
  const reading = (stage: string): Parameters<typeof collectContexts>[1] => ({
    ...task,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onTokens: (done, total) => options.onProgress?.(stage, done, total, 'tokens'),
  });
  const examples = { seed: options.seed, ...options.examples };
  const coders = saes.map(({ name, sae }) => ({ name, latents: sae.latents, encode: (x: Float32Array, rows: number) => sae.encode(x, rows) }));
  const book = await collectContexts(coders, reading('contexts'), examples);
  const drawn = saes.map(({ name }) => draw(book, name, options));
  const sets = saes.map(({ name }, i) => ({ name: randomName(name), densities: (drawn[i] ?? []).map((latent) => book.statistics(name).density(latent)) }));
  const chance = options.controls && sets.some((set) => set.densities.length > 0) ? await collectRandomControls(sets, reading('random directions'), { seed: options.seed, examples }) : undefined;
  const reader = readerOf(options.client, book, model.tokenizer);
  const chanceReader = chance === undefined ? undefined : readerOf(options.client, chance, model.tokenizer);
  const own = saes.map(({ name, sae }, i): Arm => ({ book, name, latents: drawn[i] ?? [], reader, control: options.controls, direction: (latent) => decoderRow(sae, latent), found: [] }));
  const arms = own.flatMap((arm): Arm[] => {
    if (chance === undefined || chanceReader === undefined || arm.latents.length === 0) return [arm];
    return [arm, { book: chance, name: randomName(arm.name), latents: [...arm.latents.keys()], reader: chanceReader, control: false, found: [] }];
  });
  const stopped = await scoreInBlocks(arms, task, options);
  const results = own.map((arm, i): Interpreted => {
    const found = arms.find(({ name }) => name === randomName(arm.name))?.found ?? [];
    const summary = summarise(arm.found.map(({ explanation }) => explanation), { random: found.map(({ explanation }) => explanation), seed: options.seed });
    const eligible = book.live(arm.name, options.minExamples).length;
    return { name: arm.name, latents: saes[i]?.sae.latents ?? 0, live: book.live(arm.name).length, eligible, drawn: arm.latents, scored: arm.found, random: found, summary };
  });
  return { book, saes: results, ...(stopped === undefined ? {} : { stopped }) };
}

async function scoreInBlocks(arms: readonly Arm[], task: InterpretTask, options: InterpretOptions): Promise<Interpretation['stopped']> {
  const blocksOf = (arm: Arm): number => Math.ceil(arm.latents.length / BLOCK);
  const most = arms.reduce((n, arm) => Math.max(n, blocksOf(arm)), 0);
  const total = arms.reduce((sum, { latents }) => sum + latents.length, 0);
  let done = 0;
  try {
    for (let b = 0; b < most; b++) {
      for (const arm of arms.filter((each) => b < blocksOf(each))) {
        const blocks = blocksOf(arm);
        // Blocks of nearly equal size: a last block of one latent would have nothing to be shuffled with.
        const block = arm.latents.slice(Math.floor((b * arm.latents.length) / blocks), Math.floor(((b + 1) * arm.latents.length) / blocks));
        await scoreBlock(block, arm, { task, options, onLatent: (kind) => options.onProgress?.(kind, done, total, 'latents') });
        done += block.length;
        options.onProgress?.('explain and score', done, total, 'latents');
      }
    }
  } catch (error) {
    if (isBudgetReached(error)) return 'budget';
    if (options.signal?.aborted === true && error instanceof SalmonError && error.code === 'cancelled') return 'interrupted';
    throw error;
  }
  return undefined;
}

async function scoreBlock(
  block: readonly number[],
  arm: Arm,
  by: { readonly task: InterpretTask; readonly options: InterpretOptions; readonly onLatent: (stage: string) => void },
): Promise<void> {
  const { options, task } = by;
  const { book, name, reader } = arm;
  const explained: Explained[] = [];
  for await (const one of explainLatents(block, { explainer: reader.explainer, examples: (latent) => book.latent(name, latent) }, { concurrency: reader.concurrency })) {
    if (one.explained !== undefined) explained.push(one.explained);
    await safePoint(options.signal);
    by.onLatent('explain and score');
  }
  const { scorers, seed } = options;
  const scoring = { book, judge: reader.judge, model: task.model, hook: task.hook, scorers, seed, control: arm.control, ...(arm.direction === undefined ? {} : { direction: arm.direction }) };
  for await (const { latent, explanation } of scoreLatents(explained, scoring)) {
    arm.found.push({ latent, density: book.statistics(name).density(latent), explanation });
    await safePoint(options.signal);
    by.onLatent('explain and score');
  }
}

/** Lets a Ctrl-C arrive, and stops if one did. */
async function safePoint(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  if (signal?.aborted === true) throw new SalmonError('cancelled', { what: 'Stopped on request' });
}

function draw(book: ExampleBook, name: string, options: InterpretOptions): readonly number[] {
  const eligible = [...book.live(name, options.minExamples)];
  if (options.latents === undefined || options.latents >= eligible.length) return eligible;
  return random(options.seed, 'interpretation', name).shuffle(eligible).slice(0, options.latents);
}

function decoderRow(sae: Sae, latent: number): Float32Array {
  const decoder = sae.state.weights['W_dec'];
  const width = decoder?.shape[1] ?? 0;
  return decoder?.data.subarray(latent * width, (latent + 1) * width) ?? new Float32Array();
}

function randomName(name: string): string {
  return `${name} (random directions)`;
}
