import { randomDirections } from '@salmon-sae/autointerp';
import type { ExampleBook, ExampleOptions, RandomDirections } from '@salmon-sae/autointerp';
import { random } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { sampleActivations } from './activation-sample.js';
import { collectContexts } from './collect-contexts.js';
import type { ReadText } from './collect-contexts.js';

/** Directions wanted under one name: one per density. */
export interface RandomSet {
  readonly name: string;
  readonly densities: readonly number[];
}

export interface RandomControlOptions {
  readonly seed?: number;
  readonly examples?: ExampleOptions;
  /** Activations of the same text that set the thresholds; without them they are read first. */
  readonly sample?: ActivationBatch;
}

export interface RandomControls {
  readonly book: ExampleBook;
  /** Name of a set -> its directions, of norm 1, [directions * width]. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
}

const CALIBRATION_BYTES = 2 ** 28;

/** How many calibration rows fit in memory together with their projections on so many directions. */
export function calibrationRows(width: number, directions: number): number {
  return Math.max(1, Math.floor(CALIBRATION_BYTES / (4 * (width + directions))));
}

/**
 * Example windows of random directions as dense as given latents, on the same text: direction i of a set stands for density i.
 * Two passes of the language model, one to set the thresholds and one to collect; sets without densities are left out. Needs a ready backend. Throws `cancelled`.
 */
export async function collectRandomControls(sets: readonly RandomSet[], text: ReadText, options: RandomControlOptions = {}): Promise<RandomControls> {
  const wanted = sets.filter(({ densities }) => densities.length > 0);
  const width = text.model.hookWidth(text.hook);
  const most = wanted.reduce((n, { densities }) => Math.max(n, densities.length), 0);
  const sample = options.sample ?? (await sampleActivations(text, calibrationRows(width, most)));
  const open: (RandomDirections & { readonly name: string })[] = [];
  try {
    for (const { name, densities } of wanted) {
      const seed = random(options.seed ?? 0, 'random-control', name).below(2 ** 31);
      open.push({ ...randomDirections(sample.values, sample.rows, { densities, width, seed }), name });
    }
    const book = await collectContexts(open, text, options.examples);
    return { book, vectors: new Map(open.map(({ name, vectors }) => [name, vectors])) };
  } finally {
    for (const directions of open) directions.dispose();
  }
}
