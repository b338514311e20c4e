import type { ExplanationScore } from '@salmon-sae/dataflow';
import { balancedAccuracy, wilson } from '../statistics/interval.js';
import type { Interval } from '../statistics/interval.js';
import { aucInterval, f1Interval } from '../statistics/ranking.js';
import { controlOf } from './control-of.js';
import type { Verdict } from './judge.js';

/** One judged window with the truth. */
export interface Judged {
  readonly truth: 0 | 1;
  readonly kind: 'activating' | 'random' | 'hard';
  /** Of an activating window. */
  readonly quantile: number;
  readonly verdict: Verdict | undefined;
}

/** How well yes/no answers about windows agree with the activations. Unreadable answers are left out and counted. */
export interface ClassifierScore {
  readonly scorer: 'detection' | 'fuzzing';
  readonly method: string;
  readonly tp: number;
  readonly fn: number;
  readonly tn: number;
  readonly fp: number;
  readonly balancedAccuracy: Interval;
  readonly f1: Interval;
  readonly auc: Interval;
  /** Index = quantile, 0 strongest. */
  readonly recallByQuantile: readonly Interval[];
  readonly specificityRandom: Interval;
  readonly specificityHard: Interval;
  /** Answers that could not be read / answers asked for. */
  readonly failures: Interval;
}

export interface ClassifierOptions {
  readonly scorer: 'detection' | 'fuzzing';
  readonly method: string;
  readonly quantiles: number;
  readonly seed: number;
  readonly replicates?: number;
}

export function classifierScore(judged: readonly Judged[], options: ClassifierOptions): ClassifierScore {
  const read = judged.flatMap((item) => (item.verdict === undefined ? [] : [{ ...item, verdict: item.verdict }]));
  const count = (truth: 0 | 1, yes: boolean): number => read.filter((item) => item.truth === truth && item.verdict.yes === yes).length;
  const [tp, fn, tn, fp] = [count(1, true), count(1, false), count(0, false), count(0, true)];
  const share = (items: typeof read, yes: boolean): Interval => wilson(items.filter((item) => item.verdict.yes === yes).length, items.length);
  const truth = read.map((item) => item.truth);
  const resample = { seed: options.seed, ...(options.replicates === undefined ? {} : { replicates: options.replicates }) };
  return {
    scorer: options.scorer,
    method: options.method,
    tp,
    fn,
    tn,
    fp,
    balancedAccuracy: balancedAccuracy({ tp, fn, tn, fp }),
    f1: f1Interval(read.map((item) => item.verdict.yes), truth, resample),
    auc: aucInterval({ scores: read.map((item) => item.verdict.probability), truth }, resample),
    recallByQuantile: Array.from({ length: options.quantiles }, (_, q) =>
      share(read.filter((item) => item.truth === 1 && item.quantile === q), true),
    ),
    specificityRandom: share(read.filter((item) => item.kind === 'random' && item.truth === 0), false),
    specificityHard: share(read.filter((item) => item.kind === 'hard' && item.truth === 0), false),
    failures: wilson(judged.length - read.length, judged.length),
  };
}

/** The rows of a feature card; `control` is the same score with an explanation of another latent. */
export function toExplanationScores(score: ClassifierScore, control?: ClassifierScore): readonly ExplanationScore[] {
  const metrics = ['balancedAccuracy', 'f1', 'auc', 'specificityRandom', 'specificityHard', 'failures'] as const;
  return metrics.flatMap((metric) => {
    const { value, low, high, n } = score[metric];
    if (!Number.isFinite(value)) return [];
    return [{ scorer: score.scorer, metric, value, low, high, n, ...controlOf(control?.[metric]) }];
  });
}
