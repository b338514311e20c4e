import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { sampleRows } from '../documents/sample-rows.js';
import type { Reconstructor } from '../reconstruction/named-sae.js';
import type { LabelledRows } from './labelled-rows.js';
import { columnsOf, indicator, meanDifference, splitRows, topIndices } from './labelled-rows.js';
import { logisticRegression, logits } from './logistic-regression.js';
import { encodedRows } from './pool-groups.js';
import { auroc } from './scores.js';

export interface SparseProbingOptions extends BootstrapOptions {
  /** Numbers of latents a probe may use (default 1, 2, 5: SAEBench's). */
  readonly k?: readonly number[];
  readonly train?: number;
  /** Mean over the tokens of each group before probing, as in SAEBench (default true). */
  readonly pool?: boolean;
}

export interface SparseProbe {
  readonly label: string;
  /** Held-out AUROC of the probe on raw activations and of each k. */
  readonly auroc: Readonly<Record<string, number>>;
  /** Latents by class-mean difference, strongest first. */
  readonly latents: readonly number[];
}

export interface SparseProbing {
  /** `sparse_probe_k<k>@1` for each k and `dense_probe@1` (raw activations): balanced accuracy, mean over labels. */
  readonly metrics: Readonly<Record<string, Sampled>>;
  readonly probes: readonly SparseProbe[];
}

/**
 * k-sparse probing (SAEBench, arXiv 2503.09532): for each label, latents are ranked by class-mean difference on the training groups and
 * a logistic regression on the best k is scored on the test groups. Accuracy is balanced (mean of both classes' recall).
 */
export function kSparseProbing(sae: Reconstructor, rows: LabelledRows, options: SparseProbingOptions = {}): SparseProbing {
  const ks = options.k ?? [1, 2, 5];
  const pool = options.pool ?? true;
  const split = splitRows(rows, options.train ?? 0.7, options.seed ?? 0);
  const { train, test } = { train: encodedRows(sae, split.train, pool), test: encodedRows(sae, split.test, pool) };
  const labels = [...new Set(rows.labels)].sort();
  const names = [...ks.map((k) => `sparse_probe_k${k}@1`), 'dense_probe@1'];
  const width = labels.length * (names.length * 2 + 2);
  const values = new Float64Array(test.rows.rows * width);

  const probes = labels.map((label, l): SparseProbe => {
    const positive = indicator(train.rows, new Set([label]));
    const truth = indicator(test.rows, new Set([label]));
    const ranked = topIndices(meanDifference(train.codes, positive).map(Math.abs), Math.max(...ks));
    const outputs = [
      ...ks.map((k) => {
        const chosen = ranked.slice(0, k);
        const design = { rows: train.rows.rows, width: chosen.length, x: columnsOf(train.codes, chosen) };
        const probe = logisticRegression(design, positive, { balanced: true });
        return logits({ rows: test.rows.rows, width: chosen.length, x: columnsOf(test.codes, chosen) }, probe);
      }),
      logits(test.rows, logisticRegression(train.rows, positive, { balanced: true })),
    ];
    truth.forEach((y, t) => {
      const at = t * width + l * (names.length * 2 + 2);
      values[at + y] = 1;
      outputs.forEach((logit, o) => (values[at + 2 + 2 * o + y] = (logit[t] as number) > 0 === (y === 1) ? 1 : 0));
    });
    return { label, latents: ranked, auroc: Object.fromEntries(names.map((name, o) => [name, auroc(outputs[o] as Float64Array, truth)])) };
  });

  const accuracy = (o: number) => (sums: ArrayLike<number>): number => {
    let total = 0;
    for (let l = 0; l < labels.length; l++) {
      const at = l * (names.length * 2 + 2);
      for (const y of [0, 1]) total += (sums[at + 2 + 2 * o + y] as number) / (sums[at + y] as number) / 2;
    }
    return total / labels.length;
  };
  const metrics = Object.fromEntries(names.map((name, o) => [name, accuracy(o)]));
  const sampled = sampleRows({ documents: test.rows.groups, columns: width, values }, metrics, options);
  return { metrics: Object.fromEntries(sampled.map((s) => [s.metric, s])), probes };
}
