import type { ReadableSae } from '../absorption/absorption.js';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { sampleRows } from '../documents/sample-rows.js';
import type { LabelledRows } from '../probes/labelled-rows.js';
import { encodeRows, indicator, splitRows } from '../probes/labelled-rows.js';
import { logisticRegression } from '../probes/logistic-regression.js';
import { ablatedLogits, latentsByEffect } from './ablated-logits.js';

export interface TppOptions extends BootstrapOptions {
  /** Numbers of latents ablated (default 2, 5, 10, 20). */
  readonly n?: readonly number[];
  readonly train?: number;
}

export interface Tpp {
  /** `tpp_n<n>@1` for each n. */
  readonly metrics: Readonly<Record<string, Sampled>>;
  readonly labels: readonly string[];
  /** n -> [labels, labels] fall of the accuracy of probe j when class i's latents are ablated. */
  readonly drops: Readonly<Record<string, Float64Array>>;
}

/**
 * Targeted probe perturbation (SAEBench, arXiv 2503.09532): one probe per class on the activations; ablating the n latents of class i
 * should break probe i and no other. Score = mean_i drop_ii − mean_{i≠j} drop_ij in balanced accuracy.
 */
export function targetedProbePerturbation(sae: ReadableSae, rows: LabelledRows, options: TppOptions = {}): Tpp {
  const ns = options.n ?? [2, 5, 10, 20];
  const split = splitRows(rows, options.train ?? 0.7, options.seed ?? 0);
  const trainCodes = encodeRows(sae, split.train);
  const test = { rows: split.test, codes: encodeRows(sae, split.test) };
  const labels = [...new Set(rows.labels)].sort();
  const m = labels.length;
  const truth = labels.map((label) => indicator(split.test, new Set([label])));
  const classes = labels.map((label) => {
    const positive = indicator(split.train, new Set([label]));
    const probe = logisticRegression(split.train, positive, { balanced: true, scaling: 'common' });
    return { probe, ranked: latentsByEffect(sae, trainCodes, { positive, probe, n: Math.max(...ns) }) };
  });

  const metrics: Record<string, Sampled> = {};
  const drops: Record<string, Float64Array> = {};
  // Columns: rows of each side of each probe; correct before; correct after each ablation.
  const columns = 4 * m + 2 * m * m;
  for (const n of ns) {
    const values = new Float64Array(test.rows.rows * columns);
    classes.forEach(({ probe }, j) => {
      const before = ablatedLogits(sae, test, { probe, ablated: [] });
      const after = classes.map(({ ranked }) => ablatedLogits(sae, test, { probe, ablated: ranked.slice(0, n) }));
      const y = truth[j] as Uint8Array;
      for (let t = 0; t < test.rows.rows; t++) {
        const side = y[t] as number;
        const correct = (logit: number): number => (logit > 0 === (side === 1) ? 1 : 0);
        const at = t * columns;
        values[at + 2 * j + side] = 1;
        values[at + 2 * m + 2 * j + side] = correct(before[t] as number);
        after.forEach((l, i) => (values[at + 4 * m + 2 * (i * m + j) + side] = correct(l[t] as number)));
      }
    });
    const drop = (sums: ArrayLike<number>, i: number, j: number): number => {
      const half = (side: number): number =>
        ((sums[2 * m + 2 * j + side] as number) - (sums[4 * m + 2 * (i * m + j) + side] as number)) / (sums[2 * j + side] as number) / 2;
      return half(0) + half(1);
    };
    const score = (sums: ArrayLike<number>): number => {
      let own = 0;
      let other = 0;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < m; j++) {
          if (i === j) own += drop(sums, i, j) / m;
          else other += drop(sums, i, j) / (m * (m - 1));
        }
      }
      return own - other;
    };
    const name = `tpp_n${n}@1`;
    metrics[name] = sampleRows({ documents: test.rows.groups, columns, values }, { [name]: score }, options)[0] as Sampled;
    const total = columnTotals(values, columns);
    drops[`${n}`] = Float64Array.from({ length: m * m }, (_, k) => drop(total, Math.floor(k / m), k % m));
  }
  return { metrics, labels, drops };
}

function columnTotals(values: Float64Array, columns: number): Float64Array {
  const total = new Float64Array(columns);
  values.forEach((v, i) => (total[i % columns] = (total[i % columns] as number) + v));
  return total;
}
