import type { BootstrapOptions } from './bootstrap.js';
import { bootstrap } from './bootstrap.js';
import type { Interval } from './interval.js';

/** Items with a score and a truth. */
export interface Ranked {
  readonly scores: readonly number[];
  /** 1 = positive. */
  readonly truth: readonly (0 | 1)[];
}

/** Area under the ROC curve = P(score of a positive > score of a negative), ties half (Mann-Whitney); NaN if a class is empty. */
export function auc(items: Ranked): number {
  return sweeper(items)(new Float64Array(items.scores.length).fill(1));
}

/** AUC with a bootstrap interval over items, stratified by class. */
export function aucInterval(items: Ranked, options: BootstrapOptions): Interval {
  return bootstrap(items.truth, sweeper(items), options);
}

function sweeper({ scores, truth }: Ranked): (weights: Float64Array) => number {
  const order = scores.map((_, i) => i).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  return (weights) => {
    let below = 0;
    let wins = 0;
    let positives = 0;
    for (let i = 0; i < order.length; ) {
      const score = scores[order[i] as number];
      let tiedPositives = 0;
      let tiedNegatives = 0;
      for (; i < order.length && scores[order[i] as number] === score; i++) {
        const item = order[i] as number;
        if (truth[item] === 1) tiedPositives += weights[item] as number;
        else tiedNegatives += weights[item] as number;
      }
      wins += tiedPositives * (below + tiedNegatives / 2);
      below += tiedNegatives;
      positives += tiedPositives;
    }
    return wins / (positives * below);
  };
}

/** F1 = 2TP / (2TP + FP + FN) with a bootstrap interval over items, stratified by class; 0 where nothing was found. */
export function f1Interval(predicted: readonly boolean[], truth: readonly (0 | 1)[], options: BootstrapOptions): Interval {
  return bootstrap(truth, (weights) => {
    let hits = 0;
    let errors = 0;
    for (let i = 0; i < truth.length; i++) {
      if (predicted[i] === true && truth[i] === 1) hits += weights[i] as number;
      else if (predicted[i] === true || truth[i] === 1) errors += weights[i] as number;
    }
    return hits + errors === 0 ? 0 : (2 * hits) / (2 * hits + errors);
  }, options);
}
