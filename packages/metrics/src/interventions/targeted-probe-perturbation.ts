import type { ReadableSae } from '../absorption/absorption.js';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { sampleRows } from '../documents/sample-rows.js';
import type { LabelledRows } from '../probes/labelled-rows.js';
import { indicator, splitRows } from '../probes/labelled-rows.js';
import { logisticRegression } from '../probes/logistic-regression.js';
import { encodedRows } from '../probes/pool-groups.js';
import { ablatedLogits, latentsByEffect } from './ablated-logits.js';

export interface TppOptions extends BootstrapOptions {
  /** Numbers of latents ablated (default 2, 5, 10, 20). */
  readonly n?: readonly number[];
  readonly train?: number;
  /** Mean over the tokens of each document before probing, as in SAEBench (default false); the metrics are then named `tpp_pooled_n<n>@1`. */
  readonly pool?: boolean;
}

export interface Tpp {
  /** `tpp_n<n>@1` for each n, and `tpp_probe_accuracy@1`: mean balanced accuracy of the probes on the test rows before any ablation. */
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
  const pool = options.pool ?? false;
  const train = encodedRows(sae, split.train, pool);
  const test = encodedRows(sae, split.test, pool);
  const labels = [...new Set(rows.labels)].sort();
  const m = labels.length;
  const truth = labels.map((label) => indicator(test.rows, new Set([label])));
  const classes = labels.map((label) => {
    const positive = indicator(train.rows, new Set([label]));
    const probe = logisticRegression(train.rows, positive, { balanced: true, scaling: 'common' });
    return { probe, ranked: latentsByEffect(sae, train.codes, { positive, probe, n: Math.max(...ns) }) };
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
    const accuracy = (sums: ArrayLike<number>): number => labels.reduce((sum, _, j) => sum + [0, 1].reduce((half, side) => half + (sums[2 * m + 2 * j + side] as number) / (sums[2 * j + side] as number) / 2, 0) / m, 0);
    const name = `tpp_${pool ? 'pooled_' : ''}n${n}@1`;
    for (const sampled of sampleRows({ documents: test.rows.groups, columns, values }, { [name]: score, 'tpp_probe_accuracy@1': accuracy }, options)) metrics[sampled.metric] = sampled;
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
