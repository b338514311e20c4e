import { setImmediate } from 'node:timers/promises';
import { explainLatents, isBudgetReached } from '@salmon-sae/autointerp';
import type { ExampleBook, ExampleOptions, Explained } from '@salmon-sae/autointerp';
import type { Explanation, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import type { DenseLatentClass } from './dense-classes.js';
import { randomName, readLatents } from './read-latents.js';
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
  /** A text of another domain, as long as the first: read for each latent's share of activity by domain, and for nothing else. */
  readonly contrast?: readonly TokenBatch[];
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
  /** Windows and samples; documents whose ids show that they are about one thing share a `group` unless another rule is given. */
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
  /** Explained, but not scored before the end came. */
  readonly unscored: readonly InterpretedLatent[];
  /** Drawn latents that came out without an explanation: it could not be read, or there was nothing to explain by. */
  readonly unexplained: readonly number[];
  /** `latent` is here the index of a random direction, which stands for `drawn[index]`. */
  readonly random: readonly InterpretedLatent[];
  readonly summary: readonly ScoreSummary[];
  /** Latents active on more than a tenth of the tokens, and what they are for. */
  readonly dense: readonly DenseLatentClass[];
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
  readonly direction: (latent: number) => Float32Array;
  readonly explained: InterpretedLatent[];
  readonly unexplained: number[];
  readonly found: InterpretedLatent[];
}

/**
 * Collects contexts, explains and scores a sample of each SAE's latents, and does the same for random directions of equal density.
 * A used-up budget or an interruption while scoring ends it early with what is whole; while collecting, `cancelled` is thrown.
 */
export async function interpretSaes(task: InterpretTask, options: InterpretOptions): Promise<Interpretation> {
  const { saes, model } = task;
  const { book, drawn, dense, chance } = await readLatents(task, options);
  const reader = readerOf(options.client, book, model.tokenizer);
  const chanceReader = chance === undefined ? undefined : readerOf(options.client, chance.book, model.tokenizer);
  const own = saes.map(({ name, sae }, i): Arm => ({ book, name, latents: drawn[i] ?? [], reader, control: options.controls, direction: (latent) => decoderRow(sae, latent), ...noResults() }));
  const arms = own.flatMap((arm): Arm[] => {
    if (chance === undefined || chanceReader === undefined || arm.latents.length === 0) return [arm];
    const name = randomName(arm.name);
    // As long as the decoder row of the latent that the direction stands for.
    const direction = (index: number): Float32Array => directionLike(arm.direction(arm.latents[index] ?? 0), chance.vectors.get(name), index);
    return [arm, { book: chance.book, name, latents: [...arm.latents.keys()], reader: chanceReader, control: false, direction, ...noResults() }];
  });
  const stopped = await scoreInBlocks(arms, task, options);
  const results = own.map((arm, i): Interpreted => {
    const found = arms.find(({ name }) => name === randomName(arm.name))?.found ?? [];
    const scored = new Set(arm.found.map(({ latent }) => latent));
    return {
      name: arm.name,
      latents: saes[i]?.sae.latents ?? 0,
      live: book.live(arm.name).length,
      eligible: book.live(arm.name, options.minExamples).length,
      drawn: arm.latents,
      scored: arm.found,
      unscored: arm.explained.filter(({ latent }) => !scored.has(latent)),
      unexplained: arm.unexplained,
      random: found,
      summary: summarise(arm.found.map(({ explanation }) => explanation), { random: found.map(({ explanation }) => explanation), seed: options.seed }),
      dense: dense[i] ?? [],
    };
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
        await scoreBlock(block, arm, { task, options, onLatent: (scored) => options.onProgress?.('explain and score', done + scored, total, 'latents') });
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
  by: { readonly task: InterpretTask; readonly options: InterpretOptions; readonly onLatent: (scored: number) => void },
): Promise<void> {
  const { options, task } = by;
  const { book, name, reader } = arm;
  const explained: Explained[] = [];
  for await (const one of explainLatents(block, { explainer: reader.explainer, examples: (latent) => book.latent(name, latent) }, { concurrency: reader.concurrency })) {
    if (one.explained === undefined) arm.unexplained.push(one.latent);
    else {
      explained.push(one.explained);
      const { text, method } = one.explained;
      arm.explained.push({ latent: one.latent, density: book.statistics(name).density(one.latent), explanation: { text, method, scores: [] } });
    }
    await safePoint(options.signal);
    by.onLatent(0);
  }
  const { scorers, seed } = options;
  const scoring = { book, judge: reader.judge, model: task.model, hook: task.hook, scorers, seed, control: arm.control, direction: arm.direction };
  let scored = 0;
  for await (const { latent, explanation } of scoreLatents(explained, scoring)) {
    arm.found.push({ latent, density: book.statistics(name).density(latent), explanation });
    await safePoint(options.signal);
    by.onLatent(++scored);
  }
}

/** Lets a Ctrl-C arrive, and stops if one did. */
async function safePoint(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  if (signal?.aborted === true) throw new SalmonError('cancelled', { what: 'Stopped on request' });
}

function decoderRow(sae: Sae, latent: number): Float32Array {
  const decoder = sae.state.weights['W_dec'];
  const width = decoder?.shape[1] ?? 0;
  return decoder?.data.subarray(latent * width, (latent + 1) * width) ?? new Float32Array();
}

function noResults(): Pick<Arm, 'explained' | 'unexplained' | 'found'> {
  return { explained: [], unexplained: [], found: [] };
}

function directionLike(row: Float32Array, vectors: Float32Array | undefined, index: number): Float32Array {
  const norm = Math.hypot(...row);
  return (vectors ?? new Float32Array()).slice(index * row.length, (index + 1) * row.length).map((v) => v * norm);
}
