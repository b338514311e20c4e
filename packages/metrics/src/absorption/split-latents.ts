import type { SparseCodes } from '@salmon-sae/dataflow';
import { columnsOf, topIndices } from '../probes/labelled-rows.js';
import { logisticRegression, logits } from '../probes/logistic-regression.js';
import { f1OfLogits } from '../probes/scores.js';
import { sparseLogistic } from '../probes/sparse-logistic.js';

export interface SplitData {
  readonly trainCodes: SparseCodes;
  readonly positive: Uint8Array;
  readonly testCodes: SparseCodes;
  readonly truth: Uint8Array;
}

/**
 * The latents that carry a class (arXiv 2409.14507): ranked by an L1 probe, one more is taken as long as it lifts the held-out F1 of a
 * logistic regression on those taken by more than `splitGain`.
 */
export function splitLatents(data: SplitData, options: { readonly maxSplit: number; readonly splitGain: number }): readonly number[] {
  const weights = sparseLogistic(data.trainCodes, data.positive);
  const ranked = topIndices(weights, options.maxSplit).filter((f) => (weights[f] as number) > 0);
  let taken: readonly number[] = [];
  let best = 0;
  for (let k = 1; k <= ranked.length; k++) {
    const chosen = ranked.slice(0, k);
    const probe = logisticRegression({ rows: data.trainCodes.rows, width: k, x: columnsOf(data.trainCodes, chosen) }, data.positive);
    const said = logits({ rows: data.testCodes.rows, width: k, x: columnsOf(data.testCodes, chosen) }, probe);
    const score = f1OfLogits(said, data.truth);
    if (k > 1 && score <= best + options.splitGain) break;
    taken = chosen;
    best = score;
  }
  return taken;
}
