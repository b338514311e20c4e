import type { SaeState, SparseCodes } from '@salmon-sae/dataflow';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { sampleRows } from '../documents/sample-rows.js';
import type { LabelledRows } from '../probes/labelled-rows.js';
import { encodeRows, indicator, splitRows } from '../probes/labelled-rows.js';
import { logisticRegression, logits } from '../probes/logistic-regression.js';
import { f1OfLogits } from '../probes/scores.js';
import type { Reconstructor } from '../reconstruction/named-sae.js';
import type { AbsorbedWord, ProbeDirection } from './absorbed-word.js';
import { decoderAlong, scoreWord } from './absorbed-word.js';
import { splitLatents } from './split-latents.js';

/** An SAE whose decoder rows can be read. */
export interface ReadableSae extends Reconstructor {
  readonly state: Pick<SaeState, 'weights'>;
}

/** A parent concept: a first letter, or a class of a taxonomy, with the words (labels of rows) under it. */
export interface AbsorptionClass {
  readonly name: string;
  readonly members: ReadonlySet<string>;
}

export interface AbsorptionOptions extends BootstrapOptions {
  /** Classes whose probe stays below this held-out F1 are skipped (default 0.6). */
  readonly minF1?: number;
  /** Largest number of split latents looked for (default 10). */
  readonly maxSplit?: number;
  /** Rise in F1 that makes one more latent a split latent (default 0.03). */
  readonly splitGain?: number;
  readonly train?: number;
}

export interface ClassAbsorption {
  readonly name: string;
  readonly probeF1: number;
  /** Skipped for a weak probe or too few words. */
  readonly usable: boolean;
  readonly splitLatents: readonly number[];
  readonly truePositives: number;
  readonly fullRate: number;
  readonly meanFraction: number;
  readonly words: readonly AbsorbedWord[];
}

export interface Absorption {
  /** `absorption_full@1`, `absorption_fraction@1`: mean over usable classes; empty where no class has a probe good enough. */
  readonly metrics: Readonly<Record<string, Sampled>>;
  readonly classes: readonly ClassAbsorption[];
}

export const ABSORPTION_DEFAULTS = { minF1: 0.6, maxSplit: 10, splitGain: 0.03, train: 0.7 } as const;

/**
 * Feature absorption (Chanin et al., arXiv 2409.14507) with SAEBench's gradient-free definition (arXiv 2503.09532). Rows are activations
 * at the word, labelled with the word; words are split into train and test by hash. Where no class has a
 * usable probe there is nothing to measure: `classes` has the probes' F1, `metrics` is empty.
 */
export function absorption(sae: ReadableSae, rows: LabelledRows, task: { readonly classes: readonly AbsorptionClass[] } & AbsorptionOptions): Absorption {
  const options = { ...ABSORPTION_DEFAULTS, ...task };
  const byWord = { ...rows, groups: rows.labels };
  const { train, test } = splitRows(byWord, options.train, options.seed ?? 0);
  const data = { train, test, trainCodes: encodeRows(sae, train), testCodes: encodeRows(sae, test) };
  const scored = task.classes.map((one) => scoreClass(sae, data, one, options));
  const usable = scored.filter((s) => s.usable);
  return { metrics: usable.length === 0 ? {} : rates(usable, options), classes: scored };
}

interface AbsorptionData {
  readonly train: LabelledRows;
  readonly test: LabelledRows;
  readonly trainCodes: SparseCodes;
  readonly testCodes: SparseCodes;
}

function scoreClass(sae: ReadableSae, data: AbsorptionData, one: AbsorptionClass, options: Required<Omit<AbsorptionOptions, keyof BootstrapOptions>>): ClassAbsorption {
  const { train, test, trainCodes, testCodes } = data;
  const positive = indicator(train, one.members);
  const truth = indicator(test, one.members);
  const both = (labels: Uint8Array): boolean => labels.includes(1) && labels.includes(0);
  const empty = { name: one.name, usable: false, splitLatents: [], truePositives: 0, fullRate: Number.NaN, meanFraction: Number.NaN, words: [] };
  if (!both(positive) || !both(truth)) return { ...empty, probeF1: 0 };
  const probe = logisticRegression(train, positive, { scaling: 'common' });
  const said = logits(test, probe);
  const probeF1 = f1OfLogits(said, truth);
  if (probeF1 < options.minF1) return { ...empty, probeF1 };
  const split = splitLatents({ trainCodes, positive, testCodes, truth }, options);
  const direction = probeDirection(sae, probe.weights);
  const words: AbsorbedWord[] = [];
  for (let t = 0; t < test.rows; t++) {
    if (truth[t] !== 1 || !((said[t] as number) > 0)) continue;
    const x = test.x.subarray(t * test.width, (t + 1) * test.width);
    words.push({ word: test.labels[t] as string, ...scoreWord({ x, codes: testCodes, row: t }, direction, split) });
  }
  const mean = (of: (word: AbsorbedWord) => number): number => words.reduce((sum, w) => sum + of(w), 0) / words.length;
  return {
    name: one.name,
    probeF1,
    usable: words.length > 0,
    splitLatents: split,
    truePositives: words.length,
    fullRate: mean((w) => (w.full ? 1 : 0)),
    meanFraction: mean((w) => w.fraction),
    words,
  };
}

function probeDirection(sae: ReadableSae, weights: Float64Array): ProbeDirection {
  const norm = Math.hypot(...weights);
  const unit = weights.map((w) => w / norm);
  return { unit, ...decoderAlong(sae, unit) };
}

function rates(classes: readonly ClassAbsorption[], options: BootstrapOptions): Readonly<Record<string, Sampled>> {
  const columns = classes.length * 3;
  const words = classes.flatMap((c, k) => c.words.map((word) => ({ word, k })));
  const values = new Float64Array(words.length * columns);
  words.forEach(({ word, k }, row) => values.set([1, word.full ? 1 : 0, word.fraction], row * columns + 3 * k));
  const meanOf = (part: 1 | 2) => (sums: ArrayLike<number>): number => {
    let total = 0;
    let counted = 0;
    for (let k = 0; k < classes.length; k++) {
      const n = sums[3 * k] as number;
      if (n === 0) continue;
      total += (sums[3 * k + part] as number) / n;
      counted++;
    }
    return total / counted;
  };
  const sampled = sampleRows(
    { documents: words.map(({ word }) => word.word), columns, values },
    { 'absorption_full@1': meanOf(1), 'absorption_fraction@1': meanOf(2) },
    options,
  );
  return Object.fromEntries(sampled.map((s) => [s.metric, s]));
}
