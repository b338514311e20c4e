import type { SparseActs, SparseOps } from '@salmon-sae/compute';
import { tf } from '@salmon-sae/compute';
import type { TensorMap } from '../architectures/architecture.js';
import { kAt } from '../architectures/topk-parts.js';
import type { StepSchedule } from '../train/training-config.js';
import type { SparseConfig } from './coverage.js';
import type { Selection } from './encode-tiles.js';

/** What selects entries in this step. `vectors` are the parameters other than the two matrices. */
export function selectionOf(config: SparseConfig, vectors: TensorMap, batch: { readonly rows: number; readonly schedule: StepSchedule }): Selection {
  switch (config.kind) {
    case 'jumprelu':
      return { kind: 'threshold', threshold: thetaOf(vectors), band: config.bandwidth };
    case 'standard':
      return { kind: 'threshold', threshold: tf.zeros([config.latents]) as tf.Tensor1D, band: 0 };
    case 'topk':
      return { kind: 'topk', k: Math.max(1, Math.round(kAt(config, config.k, batch.schedule))) };
    case 'batchtopk':
      return { kind: 'batchtopk', count: Math.floor(kAt(config, config.k, batch.schedule) * batch.rows) };
  }
}

export function thetaOf(vectors: TensorMap): tf.Tensor1D {
  const log = vectors['log_threshold'];
  return log === undefined ? (vectors['threshold'] as tf.Tensor1D) : (tf.exp(log) as tf.Tensor1D);
}

/** The selected entries with their activations, before anything is known of the reconstruction. */
export interface OpenEntries {
  readonly acts: SparseActs;
  /** [nnz] 1 = active; 0 = only near its threshold. */
  readonly gate: tf.Tensor1D;
  /** [nnz] f */
  readonly value: tf.Tensor1D;
  /** Mean number of active entries in a row. */
  readonly l0: tf.Scalar;
  /** [nnz] the entry's threshold; JumpReLU only. */
  readonly theta?: tf.Tensor1D;
}

export function openEntries(ops: SparseOps, config: SparseConfig, from: { readonly acts: SparseActs; readonly vectors: TensorMap }): OpenEntries {
  const { acts, vectors } = from;
  if (config.kind !== 'jumprelu') {
    const gate = tf.onesLike(acts.value) as tf.Tensor1D;
    return { acts, gate, value: acts.value, l0: tf.scalar(acts.nnz / acts.rows) };
  }
  const theta = ops.expandByLatent(acts, thetaOf(vectors));
  const gate = tf.cast(tf.greater(acts.value, theta), 'float32') as tf.Tensor1D;
  return { acts, gate, value: tf.mul(acts.value, gate), theta, l0: tf.div(tf.sum(gate), acts.rows) as tf.Scalar };
}

export interface EntryGradients {
  /** The sparsity term of the loss, coefficient included. */
  readonly penalty?: { readonly name: string; readonly value: tf.Scalar };
  /** [nnz] dL/df of the penalty, to be added to the reconstruction's. */
  readonly onValue?: number;
  /** Gradient of the thresholds' parameter, [F]. */
  readonly threshold?: { readonly name: string; readonly gradient: tf.Tensor1D };
}

/** Sparsity penalty and threshold gradient; `onValue` [nnz] is the reconstruction loss's dL/df at every entry, near-threshold ones included. */
export function entryGradients(ops: SparseOps, config: SparseConfig, given: { readonly open: OpenEntries; readonly onValue: tf.Tensor1D; readonly vectors: TensorMap; readonly schedule: StepSchedule }): EntryGradients {
  const { open, vectors, schedule } = given;
  const rows = open.acts.rows;
  if (config.kind === 'standard') {
    const coefficient = config.l1Coefficient * schedule.sparsity;
    return { penalty: { name: 'l1', value: tf.mul(tf.div(tf.sum(open.value), rows), coefficient) as tf.Scalar }, onValue: coefficient / rows };
  }
  if (config.kind !== 'jumprelu') return {};
  const lambda = config.coefficient * schedule.sparsity;
  const excess = tf.sub(tf.div(open.l0, config.targetL0), 1);
  const quadratic = config.sparsity === 'quadratic';
  const penalty = tf.mul(quadratic ? tf.square(excess) : open.l0, lambda) as tf.Scalar;
  // dL/dL0, spread over the batch's rows.
  const perRow = tf.div(quadratic ? tf.mul(excess, (2 * lambda) / config.targetL0) : tf.scalar(lambda), rows);
  const theta = open.theta as tf.Tensor1D;
  const near = (z: tf.Tensor): tf.Tensor => tf.cast(tf.less(tf.abs(tf.sub(z, theta)), config.bandwidth / 2), 'float32');
  const band = near(open.acts.value);
  // JumpReLU (arXiv 2407.14435) eq. 11 and 12: -(theta / eps) K dL/df - (1 / eps) K dL/dL0.
  const fromCodes = tf.mul(tf.mul(band, given.onValue), tf.mul(theta, -1 / config.bandwidth));
  const step = tf.mul(perRow, -1 / config.bandwidth);
  const fromL0 = config.l0SteOn === 'pre' ? tf.mul(band, step) : tf.mul(tf.mul(near(open.value), open.gate), step);
  let gradient = ops.sumByLatent(open.acts, tf.add(fromCodes, fromL0) as tf.Tensor1D);
  if (config.l0SteOn === 'post') {
    // The step function sees gated activations: every closed entry is a 0, inside the kernel where the threshold is below eps / 2.
    const closed = tf.sub(rows, ops.sumByLatent(open.acts, open.gate));
    const reached = tf.cast(tf.less(tf.abs(thetaOf(vectors)), config.bandwidth / 2), 'float32');
    gradient = tf.add(gradient, tf.mul(tf.mul(closed, reached), step));
  }
  const log = vectors['log_threshold'];
  const named = log === undefined ? { name: 'threshold', gradient } : { name: 'log_threshold', gradient: tf.mul(gradient, tf.exp(log)) as tf.Tensor1D };
  return { penalty: { name: 'l0', value: penalty }, threshold: named };
}

/** What the architecture's `afterStep` wants to know of the forward pass. */
export function carryOf(config: SparseConfig, ops: SparseOps, acts: SparseActs): TensorMap {
  if (config.kind === 'batchtopk') return { smallest: acts.nnz === 0 ? tf.scalar(Infinity) : tf.min(acts.value) };
  if (config.kind !== 'topk' || config.threshold.rule === 'none') return {};
  const codes = ops.codes(acts, acts.value);
  let sum = 0;
  let rows = 0;
  for (let r = 0; r < codes.rows; r++) {
    let least = Infinity;
    for (let e = codes.indptr[r] as number; e < (codes.indptr[r + 1] as number); e++) least = Math.min(least, codes.values[e] as number);
    if (least === Infinity) continue;
    sum += least;
    rows++;
  }
  return { smallest: tf.scalar(rows === 0 ? Infinity : sum / rows) };
}
