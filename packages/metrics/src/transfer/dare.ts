import { SalmonError } from '@salmon-sae/dataflow';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { sampleRows } from '../documents/sample-rows.js';
import { addInto } from '../linear/add-into.js';
import type { Operand } from '../linear/cross-products.js';
import type { Objective } from '../probes/minimise.js';
import { minimise } from '../probes/minimise.js';
import type { DomainRows } from './dense-task.js';
import { headCorrect, logitsOf, logSumExp, pickRows, softmaxLoss } from './dense-task.js';
import { whiten, whiteningOf } from './whitening.js';

export interface DareOptions extends BootstrapOptions {
  /** Weight of the constraint that each domain's mean predicts every class alike (default 1). */
  readonly penalty?: number;
  readonly l2?: number;
  /** Shrinkage of the covariances, in units of the mean variance (default 0.1). */
  readonly shrink?: number;
}

export interface Dare {
  /**
   * Mean over left-out domains: `erm_accuracy@1` (plain head), `dare_accuracy@1` (averaged whitening), `dare_adapted_accuracy@1` (whitened
   * with the unlabelled test inputs).
   */
  readonly metrics: Readonly<Record<string, Sampled>>;
  /** Left-out domain -> the same three accuracies, by metric id. */
  readonly domains: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const HEADS = ['erm_accuracy@1', 'dare_accuracy@1', 'dare_adapted_accuracy@1'] as const;

/**
 * Domain-adjusted regression (arXiv 2202.06856): softmax regression on Σ_e^(−1/2) x, each domain whitened by its own covariance, with
 * softmax(β Σ_e^(−1/2) μ_e) = 1/k as a KL penalty. An unseen domain is whitened by the mean of the training domains' matrices, or by
 * its own unlabelled inputs (the paper's just-in-time variant). Every domain is left out once.
 */
export function dare(data: DomainRows, options: DareOptions = {}): Dare {
  const names = [...new Set(data.domain)].sort();
  if (names.length < 3) {
    throw new SalmonError('usage', {
      what: 'Domain-adjusted regression needs domains to train on and one to leave out',
      expected: 'at least three domains',
      got: names.join(', ') || 'none',
    });
  }
  const width = 1 + HEADS.length;
  const columns = names.length * width;
  const documents: string[] = [];
  const rows: Float64Array[] = [];
  names.forEach((name, d) => {
    const { test, correct } = leaveOut(data, name, options);
    for (let t = 0; t < test.rows; t++) {
      const row = new Float64Array(columns);
      row.set([1, ...correct.map((head) => head[t] as number)], d * width);
      rows.push(row);
      documents.push(test.document?.[t] as string);
    }
  });
  const values = new Float64Array(rows.length * columns);
  rows.forEach((row, i) => values.set(row, i * columns));
  const accuracy = (sums: ArrayLike<number>, d: number, head: number): number => (sums[d * width + 1 + head] as number) / (sums[d * width] as number);
  const mean = (head: number) => (sums: ArrayLike<number>): number => names.reduce((sum, _, d) => sum + accuracy(sums, d, head) / names.length, 0);
  const sampled = sampleRows({ documents, columns, values }, Object.fromEntries(HEADS.map((id, head) => [id, mean(head)])), options);
  const total = new Float64Array(columns);
  addInto(total, values);
  return {
    metrics: Object.fromEntries(sampled.map((s) => [s.metric, s])),
    domains: Object.fromEntries(names.map((name, d) => [name, Object.fromEntries(HEADS.map((id, head) => [id, accuracy(total, d, head)]))])),
  };
}

function leaveOut(data: DomainRows, out: string, options: DareOptions): { readonly test: DomainRows; readonly correct: readonly Uint8Array[] } {
  const { width, classes } = data;
  const shrink = options.shrink ?? 0.1;
  const l2 = options.l2 ?? 1e-3;
  const test = pickRows(data, (t) => data.domain[t] === out);
  const train = pickRows(data, (t) => data.domain[t] !== out);
  const parts = [...new Set(train.domain)].map((name) => {
    const rows = pickRows(train, (t) => train.domain[t] === name);
    const whitening = whiteningOf(rows, shrink);
    return {
      z: { data: whiten(rows.x, whitening.matrix, width), columns: width },
      label: rows.label,
      mean: { data: whiten(whitening.mean, whitening.matrix, width), columns: width },
      matrix: whitening.matrix,
    };
  });
  const erm = fitHead((w, g) => softmaxLoss(w, g, { z: { data: train.x, columns: width }, label: train.label, classes }), { width, classes, l2 });
  const penalty = options.penalty ?? 1;
  const head = fitHead(
    (w, g) => {
      let loss = 0;
      for (const part of parts) {
        loss += softmaxLoss(w, g, { z: part.z, label: part.label, classes });
        loss += uniformPenalty(w, g, { mean: part.mean, classes, penalty });
      }
      for (let i = 0; i < g.length; i++) g[i] = (g[i] as number) / parts.length;
      return loss / parts.length;
    },
    { width, classes, l2 },
  );
  const average = new Float64Array(width * width);
  for (const part of parts) part.matrix.forEach((v, i) => (average[i] = (average[i] as number) + v / parts.length));
  const score = (matrix: Float64Array): Uint8Array => headCorrect(head, { data: whiten(test.x, matrix, width), columns: width }, test.label, classes);
  const plain = headCorrect(erm, { data: test.x, columns: width }, test.label, classes);
  return { test, correct: [plain, score(average), score(whiteningOf(test, shrink).matrix)] };
}

/** penalty · KL(uniform ‖ softmax(β z̄)) at a domain's mean z̄. */
function uniformPenalty(w: Float64Array, gradient: Float64Array, at: { readonly mean: Operand; readonly classes: number; readonly penalty: number }): number {
  const { mean, classes, penalty } = at;
  const logits = new Float64Array(classes);
  logitsOf(logits, w, mean, 0);
  const norm = logSumExp(logits);
  let kl = -Math.log(classes);
  for (let c = 0; c < classes; c++) {
    const logP = (logits[c] as number) - norm;
    kl -= logP / classes;
    const slope = penalty * (Math.exp(logP) - 1 / classes);
    for (let d = 0; d < mean.columns; d++) gradient[c * mean.columns + d] = (gradient[c * mean.columns + d] as number) + slope * (mean.data[d] as number);
    gradient[classes * mean.columns + c] = (gradient[classes * mean.columns + c] as number) + slope;
  }
  return penalty * kl;
}

function fitHead(loss: Objective, shape: { readonly width: number; readonly classes: number; readonly l2: number }): Float64Array {
  const weights = shape.width * shape.classes;
  return minimise((w, gradient) => {
    let total = loss(w, gradient);
    for (let i = 0; i < weights; i++) {
      total += 0.5 * shape.l2 * (w[i] as number) ** 2;
      gradient[i] = (gradient[i] as number) + shape.l2 * (w[i] as number);
    }
    return total;
  }, new Float64Array(weights + shape.classes));
}
