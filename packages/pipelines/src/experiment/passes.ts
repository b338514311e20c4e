import { harvest } from '@salmon-sae/activations';
import type { LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { fromPull, run as runToEnd } from '@salmon-sae/dataflow';
import type { LossEvaluation, NamedSae, ReconstructionEvaluation, Sampled } from '@salmon-sae/metrics';
import { darkMatter, lossAccumulator, meanActivation, reconstructionAccumulator } from '@salmon-sae/metrics';
import type { Sae } from '@salmon-sae/sae-core';
import { tap } from 'rxjs';
import { firstRows, ordinaryTokens } from './texts.js';

/** SAEs to be measured on a text in memory, at one hook of one model. */
export interface PassTask {
  readonly model: LanguageModel;
  readonly hook: string;
  readonly rows: readonly TokenBatch[];
  readonly saes: readonly NamedSae<Sae>[];
}

export interface PassOptions {
  readonly specials: 'exclude' | 'include';
  readonly replicates?: number;
  readonly seed?: number;
  /** Called after each batch; may throw to stop the pass. */
  readonly onTokens?: (pass: string, done: number, total: number) => void;
}

// Every pass pulls its rows, so that the event loop has turns between batches: without them Ctrl-C is not seen, and on WebGPU the memory of
// finished commands is not given back.

/** Reconstruction and sparsity of every SAE. */
export async function reconstructionPass(task: PassTask, options: PassOptions): Promise<ReconstructionEvaluation> {
  const accumulator = reconstructionAccumulator(task.saes, bootstrapOf(options));
  const told = counter('reconstruction', task.rows, options);
  await runToEnd(fromPull(() => task.rows).pipe(harvest(task.model, { hook: task.hook, specials: options.specials })), {
    onEvent: (batch) => {
      accumulator.add(batch);
      told(batch.rows);
    },
  });
  return accumulator.value();
}

/** Loss with each SAE's reconstruction spliced in, on the first `tokens` of the text. */
export async function lossPass(task: PassTask, options: PassOptions & { readonly tokens: number }): Promise<LossEvaluation> {
  const { model, hook, saes } = task;
  const { specials } = options;
  const rows = firstRows(task.rows, options.tokens);
  const mean = meanActivation({ model, hook, tokens: rows, specials });
  const accumulator = lossAccumulator({ model, hook, saes, mean }, { specials, ...bootstrapOf(options) });
  const told = counter('loss', rows, options);
  await runToEnd(fromPull(() => rows), {
    onEvent: (batch) => {
      accumulator.add(batch);
      told(ordinaryTokens(batch));
    },
  });
  return accumulator.value();
}

/**
 * The linear and nonlinear part of each SAE's error (arXiv 2410.14670; protocol of arXiv 2508.09363 with tokens shuffled
 * before the 60/40 split). Ridge of 1e-4 of the mean variance, because small runs have few tokens for each dimension.
 */
export async function darkMatterPass(task: PassTask, options: PassOptions): Promise<readonly { readonly sae: string; readonly metrics: Readonly<Record<string, Sampled>> }[]> {
  let pass = 0;
  const result = await darkMatter({
    saes: task.saes,
    open: () => {
      const told = counter(++pass === 1 ? 'linear error, fit' : 'linear error, score', task.rows, options);
      return fromPull(() => task.rows).pipe(
        harvest(task.model, { hook: task.hook, specials: options.specials }),
        tap((batch) => told(batch.rows)),
      );
    },
    // Float32 products with float64 sums agree with float64 throughout to 1e-4, a small part of the intervals, at a tenth of the time.
    engine: 'float32',
    ridge: 1e-4,
    ...bootstrapOf(options),
  });
  return result.saes;
}

function bootstrapOf({ replicates, seed }: PassOptions): { readonly replicates?: number; readonly seed?: number } {
  return { ...(replicates === undefined ? {} : { replicates }), ...(seed === undefined ? {} : { seed }) };
}

function counter(pass: string, rows: readonly TokenBatch[], { specials, onTokens }: PassOptions): (tokens: number) => void {
  const total = rows.reduce((sum, batch) => sum + ordinaryTokens(batch), 0);
  const name = specials === 'include' ? `${pass}, special tokens in` : pass;
  let done = 0;
  return (tokens) => onTokens?.(name, (done += tokens), total);
}
