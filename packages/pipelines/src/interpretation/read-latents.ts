import type { ExampleBook } from '@salmon-sae/autointerp';
import { random } from '@salmon-sae/dataflow';
import { sampleActivations } from './activation-sample.js';
import { collectContexts } from './collect-contexts.js';
import { DENSE_TOKENS, denseClassesOf, hasDense } from './dense-classes.js';
import type { DenseLatentClass } from './dense-classes.js';
import type { InterpretOptions, InterpretTask } from './interpret-saes.js';
import { calibrationRows, collectRandomControls } from './random-control.js';
import type { RandomControls } from './random-control.js';
import { groupsOf } from './text-groups.js';

/** What a text says about the latents of all SAEs, before anything is explained; the lists are in the order of the task's SAEs. */
export interface ReadLatents {
  readonly book: ExampleBook;
  /** Latents to explain and score. */
  readonly drawn: readonly (readonly number[])[];
  readonly dense: readonly (readonly DenseLatentClass[])[];
  /** Random directions as dense as the drawn latents, if controls are wanted: direction i of `randomName(sae)` stands for the i-th drawn one. */
  readonly chance?: RandomControls;
}

/** Reads contexts, and where random directions or dense latents ask for it the activations themselves once more. Throws `cancelled`. */
export async function readLatents(task: InterpretTask, options: InterpretOptions): Promise<ReadLatents> {
  const { saes, model, contrast } = task;
  const reading = (stage: string): Parameters<typeof collectContexts>[1] => ({
    ...task,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onTokens: (done, total) => options.onProgress?.(stage, done, total, 'tokens'),
  });
  const examples = { seed: options.seed, group: options.examples?.group ?? (await groupsOf(task.rows)), ...options.examples };
  const coders = saes.map(({ name, sae }) => ({ name, latents: sae.latents, encode: (x: Float32Array, rows: number) => sae.encode(x, rows) }));
  const beside = contrast === undefined ? {} : { contrast: { ...reading('contrast text'), rows: contrast } };
  const book = await collectContexts(coders, reading('contexts'), { ...examples, ...beside });
  const drawn = saes.map(({ name }) => draw(book, name, options));
  const sets = saes.map(({ name }, i) => ({ name: randomName(name), densities: (drawn[i] ?? []).map((latent) => book.statistics(name).density(latent)) }));
  const directions = options.controls ? Math.max(0, ...sets.map(({ densities }) => densities.length)) : 0;
  const anyDense = saes.some(({ name }) => hasDense(book.statistics(name)));
  if (directions === 0 && !anyDense) return { book, drawn, dense: saes.map(() => []) };
  const rows = directions > 0 ? calibrationRows(model.hookWidth(task.hook), directions) : DENSE_TOKENS;
  const sample = await sampleActivations(reading('sample of activations'), rows);
  const dense = saes.map(({ name, sae }) => denseClassesOf(sae, { statistics: book.statistics(name), sample, model }));
  if (directions === 0) return { book, drawn, dense };
  return { book, drawn, dense, chance: await collectRandomControls(sets, reading('random directions'), { seed: options.seed, examples, sample }) };
}

export function randomName(name: string): string {
  return `${name} (random directions)`;
}

function draw(book: ExampleBook, name: string, options: InterpretOptions): readonly number[] {
  const eligible = [...book.live(name, options.minExamples)];
  if (options.latents === undefined || options.latents >= eligible.length) return eligible;
  return random(options.seed, 'interpretation', name).shuffle(eligible).slice(0, options.latents);
}
