import { randomDirections } from '@salmon-sae/autointerp';
import type { ExampleBook, ExampleOptions, RandomDirections } from '@salmon-sae/autointerp';
import { random } from '@salmon-sae/dataflow';
import { ordinaryTokens } from '../experiment/texts.js';
import { activationsOf, collectContexts } from './collect-contexts.js';
import type { ReadText } from './collect-contexts.js';

/** Directions wanted under one name: one per density. */
export interface RandomSet {
  readonly name: string;
  readonly densities: readonly number[];
}

export interface RandomControlOptions {
  readonly seed?: number;
  readonly examples?: ExampleOptions;
  /** Bytes for the calibration activations and their projections; a longer text is thinned evenly. */
  readonly calibrationBytes?: number;
}

const CALIBRATION_BYTES = 2 ** 28;

/**
 * Example windows of random directions as dense as given latents, on the same text: direction i of a set stands for density i.
 * Two passes of the language model, one to set the thresholds and one to collect; sets without densities are left out. Needs a ready backend. Throws `cancelled`.
 */
export async function collectRandomControls(sets: readonly RandomSet[], text: ReadText, options: RandomControlOptions = {}): Promise<ExampleBook> {
  const wanted = sets.filter(({ densities }) => densities.length > 0);
  const width = text.model.hookWidth(text.hook);
  const most = wanted.reduce((n, { densities }) => Math.max(n, densities.length), 0);
  const calibration = await calibrationRows(text, { width, columns: width + most, bytes: options.calibrationBytes ?? CALIBRATION_BYTES });
  const open: (RandomDirections & { readonly name: string })[] = [];
  try {
    for (const { name, densities } of wanted) {
      const seed = random(options.seed ?? 0, 'random-control', name).below(2 ** 31);
      open.push({ ...randomDirections(calibration, calibration.length / width, { densities, width, seed }), name });
    }
    return await collectContexts(open, text, options.examples);
  } finally {
    for (const directions of open) directions.dispose();
  }
}

/** Every n-th ordinary token's activations, with n such that rows and projections fit the bytes. */
async function calibrationRows(text: ReadText, room: { readonly width: number; readonly columns: number; readonly bytes: number }): Promise<Float32Array> {
  const { width } = room;
  const total = text.rows.reduce((sum, batch) => sum + ordinaryTokens(batch), 0);
  const stride = Math.max(1, Math.ceil((total * room.columns * 4) / room.bytes));
  const kept = new Float32Array(Math.ceil(total / stride) * width);
  let seen = 0;
  for await (const { positions, x } of activationsOf(text)) {
    for (let row = 0; row < positions.length; row++, seen++) {
      if (seen % stride === 0) kept.set(x.subarray(row * width, (row + 1) * width), (seen / stride) * width);
    }
  }
  return kept;
}
