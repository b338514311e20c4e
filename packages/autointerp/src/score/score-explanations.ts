import type { Explanation, ExplanationScore } from '@salmon-sae/dataflow';
import type { LatentExamples } from '../examples/examples.js';
import type { Explained } from '../explain/explainer.js';
import { inOrder } from '../explain/in-order.js';
import { toExplanationScores } from './classifier-score.js';
import type { ClassifierScore } from './classifier-score.js';
import { detectionScore } from './detection-score.js';
import type { ScoreOptions } from './detection-score.js';
import { fuzzingScore } from './fuzzing-score.js';
import type { Judge } from './judge.js';
import { shuffledExplanations } from './shuffled-explanations.js';
import { simulationScore, simulationScores } from './simulation-score.js';

export interface ScoreManyOptions extends ScoreOptions {
  readonly scorers?: readonly ('detection' | 'fuzzing' | 'simulation')[];
  /** Also score each latent with the explanation of another one. */
  readonly control?: boolean;
  /** Latents under way at a time. */
  readonly concurrency?: number;
}

export interface ScoredExplanation {
  readonly explained: Explained;
  readonly explanation: Explanation;
  readonly detection?: ClassifierScore;
  readonly detectionControl?: ClassifierScore;
}

/**
 * Scores explanations, results in their order; `examples` is asked for a latent's windows only when it is its turn. An error
 * of the judge (a used-up budget, say) ends the sequence after the results before it.
 */
export async function* scoreExplanations(
  explained: readonly Explained[],
  by: { readonly judge: Judge; readonly examples: (of: Explained) => LatentExamples },
  options: ScoreManyOptions = {},
): AsyncGenerator<ScoredExplanation> {
  const controls = options.control === false ? [] : shuffledExplanations(explained, options.seed ?? 0);
  yield* inOrder(explained.keys(), options.concurrency ?? 1, (i) => {
    const own = explained[i] as Explained;
    return scoreOne(by.examples(own), { own, control: controls[i], judge: by.judge }, options);
  });
}

async function scoreOne(
  windows: LatentExamples,
  by: { readonly own: Explained; readonly control: Explained | undefined; readonly judge: Judge },
  options: ScoreManyOptions,
): Promise<ScoredExplanation> {
  const scores: ExplanationScore[] = [];
  let detection: ClassifierScore | undefined;
  let detectionControl: ClassifierScore | undefined;
  for (const scorer of options.scorers ?? ['detection']) {
    const both = async <T>(run: (explained: Explained) => Promise<T>): Promise<readonly [T, T | undefined]> => [
      await run(by.own),
      by.control === undefined ? undefined : await run(by.control),
    ];
    if (scorer === 'simulation') {
      const [own, control] = await both((explained) => simulationScore(windows, { explained, judge: by.judge }, options));
      if (own !== undefined) scores.push(...simulationScores(own, control));
      continue;
    }
    const score = scorer === 'detection' ? detectionScore : fuzzingScore;
    const [own, control] = await both((explained) => score(windows, { explained, judge: by.judge }, options));
    if (own !== undefined) scores.push(...toExplanationScores(own, control));
    if (scorer === 'detection') [detection, detectionControl] = [own, control];
  }
  return {
    explained: by.own,
    explanation: { text: by.own.text, method: by.own.method, scores },
    ...(detection === undefined ? {} : { detection }),
    ...(detectionControl === undefined ? {} : { detectionControl }),
  };
}
