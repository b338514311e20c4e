import { random } from '@salmon-sae/dataflow';
import type { Random } from '@salmon-sae/dataflow';
import type { Example, LatentExamples } from '../examples/examples.js';
import { ACTIVE_SHARE } from '../explain/candidates.js';
import type { Explained } from '../explain/explainer.js';
import { classifierScore } from './classifier-score.js';
import type { ClassifierScore, Judged } from './classifier-score.js';
import { bothClasses, settings } from './detection-score.js';
import type { ScoreOptions } from './detection-score.js';
import type { Judge } from './judge.js';

export interface FuzzingOptions extends ScoreOptions {
  /** `silent`: wrong marks on silent windows; `active`: wrong marks on activating windows (delphi's two kinds). */
  readonly negatives?: 'silent' | 'active';
}

/**
 * Fuzzing (arXiv 2410.13928, section 4): can a judge tell windows whose marked tokens are the active ones from windows whose
 * marks are wrong? Right marks are tokens at 0.3 of the window's peak or more; wrong marks are drawn at random among tokens
 * that are not, as many as right windows have on average, so that their number gives nothing away.
 */
export async function fuzzingScore(
  examples: LatentExamples,
  by: { readonly explained: Explained; readonly judge: Judge },
  options: FuzzingOptions = {},
): Promise<ClassifierScore | undefined> {
  const { scorer } = examples;
  const positives = scorer.quantiles.flat();
  const silent = [...scorer.random, ...scorer.hard];
  if (!bothClasses([...positives, ...silent])) return undefined;
  const draws = random(options.seed ?? 0, 'fuzzing', examples.sae, examples.latent);
  const right = positives.map((example) => ({ example, truth: 1 as const, marks: activeMarks(example) }));
  const mean = right.reduce((sum, { marks }) => sum + count(marks), 0) / right.length;
  const wrongOn = options.negatives === 'active' ? positives : silent;
  const wrong = wrongOn.flatMap((example) => {
    const marks = wrongMarks(example, Math.ceil(mean), draws);
    return count(marks) === 0 ? [] : [{ example, truth: 0 as const, marks }];
  });
  const shown = draws.shuffle([...right, ...wrong]);
  const verdicts = await by.judge.fuzz(by.explained, shown.map(({ example, marks }) => ({ ids: example.ids, offset: example.offset, marks })));
  const judged = shown.map(({ example, truth }, i): Judged => ({
    truth,
    kind: truth === 1 ? 'activating' : example.kind === 'hard' ? 'hard' : 'random',
    quantile: truth === 1 ? example.quantile : -2,
    verdict: verdicts[i],
  }));
  return classifierScore(judged, { ...settings(options), scorer: 'fuzzing', method: by.judge.method, quantiles: scorer.quantiles.length });
}

/** 1 = at least 0.3 of the example's own peak. */
export function activeMarks(example: Example): Uint8Array {
  return Uint8Array.from(example.activations, (value) => (value > 0 && value >= ACTIVE_SHARE * example.peak ? 1 : 0));
}

function wrongMarks(example: Example, wanted: number, draws: Random): Uint8Array {
  const right = activeMarks(example);
  const free = draws.shuffle([...example.ids.keys()].filter((t) => right[t] === 0));
  const marks = new Uint8Array(example.ids.length);
  for (const t of free.slice(0, wanted)) marks[t] = 1;
  return marks;
}

function count(marks: Uint8Array): number {
  return marks.reduce((a, b) => a + b, 0);
}
