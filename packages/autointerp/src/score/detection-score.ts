import { random } from '@salmon-sae/dataflow';
import type { Example, LatentExamples } from '../examples/examples.js';
import type { Explained } from '../explain/explainer.js';
import { classifierScore } from './classifier-score.js';
import type { ClassifierScore, Judged } from './classifier-score.js';
import type { Judge } from './judge.js';

export interface ScoreOptions {
  readonly seed?: number;
  /** Bootstrap replicates of F1, AUC and correlations. */
  readonly replicates?: number;
}

/**
 * Detection (arXiv 2410.13928, section 4): can a judge who knows only the explanation tell windows in which the latent fires
 * from windows in which it does not? Positives over all quantiles, negatives random and hard, all from documents the
 * explainer never saw. Undefined if the latent lacks windows of either class there.
 */
export async function detectionScore(
  examples: LatentExamples,
  by: { readonly explained: Explained; readonly judge: Judge },
  options: ScoreOptions = {},
): Promise<ClassifierScore | undefined> {
  const { scorer } = examples;
  const items = [...scorer.quantiles.flat(), ...scorer.random, ...scorer.hard];
  if (!bothClasses(items)) return undefined;
  const shown = random(options.seed ?? 0, 'detection', examples.sae, examples.latent).shuffle([...items]);
  const verdicts = await by.judge.detect(by.explained, shown.map(({ ids, offset }) => ({ ids, offset })));
  const judged = shown.map((item, i): Judged => ({ truth: item.kind === 'activating' ? 1 : 0, kind: item.kind, quantile: item.quantile, verdict: verdicts[i] }));
  return classifierScore(judged, { ...settings(options), scorer: 'detection', method: by.judge.method, quantiles: scorer.quantiles.length });
}

export function bothClasses(items: readonly Example[]): boolean {
  return items.some((item) => item.kind === 'activating') && items.some((item) => item.kind !== 'activating');
}

export function settings(options: ScoreOptions): { readonly seed: number; readonly replicates?: number } {
  return { seed: options.seed ?? 0, ...(options.replicates === undefined ? {} : { replicates: options.replicates }) };
}
