import { SalmonError } from '@salmon-sae/dataflow';
import type { ReadableSae } from '../absorption/absorption.js';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { sampleRows } from '../documents/sample-rows.js';
import type { LabelledRows } from '../probes/labelled-rows.js';
import { chooseRows, splitRows } from '../probes/labelled-rows.js';
import type { LogisticProbe } from '../probes/logistic-regression.js';
import { logisticRegression } from '../probes/logistic-regression.js';
import { encodedRows } from '../probes/pool-groups.js';
import { ablatedLogits, latentsByEffect, meanCodes } from './ablated-logits.js';

/** Two binary properties of each label: what the probe should learn, and what is confounded with it in the biased data. */
export interface ScrTask {
  readonly target: (label: string) => boolean;
  readonly spurious: (label: string) => boolean;
}

export interface ScrOptions extends BootstrapOptions {
  /** Numbers of latents ablated (default 2, 5, 10, 20, 50). */
  readonly n?: readonly number[];
  readonly train?: number;
  /**
   * What ablated latents are set to: `zero` (default, SAEBench) or their `mean` over the training rows, which keeps the probe's
   * threshold where it was; the metric is then named `scr_mean_n<n>@1`.
   */
  readonly ablation?: 'zero' | 'mean';
  /** Mean over the tokens of each document before probing, as in SAEBench (default false); `pooled_` then stands in the metric's name. */
  readonly pool?: boolean;
}

export interface Scr {
  /** `scr_n<n>@1` for each n, `scr_base_accuracy@1` and `scr_oracle_accuracy@1`. */
  readonly metrics: Readonly<Record<string, Sampled>>;
}

/**
 * Spurious correlation removal (SHIFT; SAEBench, arXiv 2503.09532): a probe trained where target and spurious property always agree is
 * scored on balanced data after ablating the n latents with most effect on a spurious-property probe.
 * Score = (acc_ablated − acc_base) / (acc_oracle − acc_base); the oracle is trained on balanced data.
 */
export function spuriousCorrelationRemoval(sae: ReadableSae, rows: LabelledRows, task: ScrTask & ScrOptions): Scr {
  const ns = task.n ?? [2, 5, 10, 20, 50];
  const split = splitRows(rows, task.train ?? 0.7, task.seed ?? 0);
  const pool = task.pool ?? false;
  const { rows: train, codes: trainCodes } = encodedRows(sae, split.train, pool);
  const data = encodedRows(sae, split.test, pool);
  const { rows: test } = data;
  const biased = chooseRows(train, (t) => task.target(train.labels[t] as string) === task.spurious(train.labels[t] as string));
  const ofLabels = (data: LabelledRows, of: (label: string) => boolean): Uint8Array => Uint8Array.from(data.labels, (l) => (of(l) ? 1 : 0));
  const fit = (data: LabelledRows, of: (label: string) => boolean): LogisticProbe =>
    logisticRegression(data, ofLabels(data, of), { balanced: true, scaling: 'common' });
  const base = fit(biased, task.target);
  const oracle = fit(train, task.target);
  const spurious = fit(train, task.spurious);
  const to = task.ablation === 'mean' ? { to: meanCodes(trainCodes) } : {};
  const prefix = `scr_${pool ? 'pooled_' : ''}${task.ablation === 'mean' ? 'mean_' : ''}n`;
  const ranked = latentsByEffect(sae, trainCodes, { positive: ofLabels(train, task.spurious), probe: spurious, n: Math.max(...ns) });

  const cell = Uint8Array.from(test.labels, (l) => (task.target(l) ? 2 : 0) + (task.spurious(l) ? 1 : 0));
  if (new Set(cell).size < 4) {
    throw new SalmonError('no-data', {
      what: 'Spurious correlation removal needs all four combinations of target and spurious property in the test rows',
      expected: '4',
      got: `${new Set(cell).size}`,
      todo: 'Give more rows, or another pair of properties',
    });
  }
  const outputs = [
    ablatedLogits(sae, data, { probe: base, ablated: [] }),
    ablatedLogits(sae, data, { probe: oracle, ablated: [] }),
    ...ns.map((n) => ablatedLogits(sae, data, { probe: base, ablated: ranked.slice(0, n), ...to })),
  ];
  const columns = 4 * (outputs.length + 1);
  const values = new Float64Array(test.rows * columns);
  for (let t = 0; t < test.rows; t++) {
    const c = cell[t] as number;
    values[t * columns + c] = 1;
    outputs.forEach((l, o) => (values[t * columns + 4 * (o + 1) + c] = (l[t] as number) > 0 === c >= 2 ? 1 : 0));
  }
  // Balanced: every combination weighs a quarter, whatever its share of the rows.
  const accuracy = (sums: ArrayLike<number>, o: number): number =>
    [0, 1, 2, 3].reduce((total, c) => total + (sums[4 * (o + 1) + c] as number) / (sums[c] as number) / 4, 0);
  const sampled = sampleRows(
    { documents: test.groups, columns, values },
    {
      'scr_base_accuracy@1': (s) => accuracy(s, 0),
      'scr_oracle_accuracy@1': (s) => accuracy(s, 1),
      ...Object.fromEntries(
        ns.map((n, i) => [`${prefix}${n}@1`, (s: ArrayLike<number>): number => (accuracy(s, 2 + i) - accuracy(s, 0)) / (accuracy(s, 1) - accuracy(s, 0))]),
      ),
    },
    task,
  );
  return { metrics: Object.fromEntries(sampled.map((s) => [s.metric, s])) };
}
