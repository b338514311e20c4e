import type { SparseActs, SparseOps } from '@salmon-sae/compute';
import { tf } from '@salmon-sae/compute';
import type { TensorMap } from '../architectures/architecture.js';
import { kAt } from '../architectures/topk-parts.js';
import type { StepSchedule } from '../train/training-config.js';
import type { SparseConfig } from './coverage.js';
import { isRanked } from './coverage.js';
import type { Selection } from './encode-tiles.js';

/** What selects entries in this step. `vectors` are the parameters other than the two matrices. For multi-TopK the larger k: its entries hold the others. */
export function selectionOf(config: SparseConfig, vectors: TensorMap, batch: { readonly rows: number; readonly schedule: StepSchedule }): Selection {
  switch (config.kind) {
    case 'jumprelu':
      return { kind: 'threshold', threshold: thetaOf(vectors), band: config.bandwidth };
    case 'standard':
      return { kind: 'threshold', threshold: tf.zeros([config.latents]) as tf.Tensor1D, band: 0 };
    case 'topk': {
      const k = topKOf(config, batch.schedule);
      return { kind: 'topk', k: config.multiWeight > 0 ? Math.round(k * config.multiFactor) : k };
    }
    default:
      return { kind: 'batchtopk', count: Math.floor(kAt(config, config.k, batch.schedule) * batch.rows) };
  }
}

export function topKOf(config: SparseConfig & { readonly kind: 'topk' }, schedule: StepSchedule): number {
  return Math.max(1, Math.round(kAt(config, config.k, schedule)));
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
  /** [nnz] f, as W_dec is multiplied with it. */
  readonly value: tf.Tensor1D;
  /** Mean number of active entries in a row. */
  readonly l0: tf.Scalar;
  /** [nnz] the entry's threshold; JumpReLU only. */
  readonly theta?: tf.Tensor1D;
}

/** `norms` [F] of the decoder rows, where the step depends on them. */
export function openEntries(ops: SparseOps, config: SparseConfig, from: { readonly acts: SparseActs; readonly vectors: TensorMap; readonly norms: tf.Tensor1D | undefined }): OpenEntries {
  const { acts, vectors, norms } = from;
  if (config.kind !== 'jumprelu') {
    const gate = tf.onesLike(acts.value) as tf.Tensor1D;
    // Selected on activations times norm; the norm is divided out before decoding.
    const value = isRanked(config) && norms !== undefined ? (tf.div(acts.value, ops.expandByLatent(acts, norms)) as tf.Tensor1D) : acts.value;
    return { acts, gate, value, l0: tf.scalar(acts.nnz / acts.rows) };
  }
  const theta = ops.expandByLatent(acts, thetaOf(vectors));
  const gate = tf.cast(tf.greater(acts.value, theta), 'float32') as tf.Tensor1D;
  return { acts, gate, value: tf.mul(acts.value, gate), theta, l0: tf.div(tf.sum(gate), acts.rows) as tf.Scalar };
}

export interface EntryGradients {
  /** The sparsity term of the loss, coefficient included. */
  readonly penalty?: { readonly name: string; readonly value: tf.Scalar };
  /** [nnz], or the same for all: dL/df of the penalty, to be added to the reconstruction's. */
  readonly onValue?: tf.Tensor1D | number;
  /** [F] dL/d norm of the decoder rows. */
  readonly onNorm?: tf.Tensor1D;
  /** Gradient of the thresholds (themselves, not their logarithms), [F]. */
  readonly threshold?: tf.Tensor1D;
}

export interface EntryGradientRequest {
  readonly open: OpenEntries;
  /** [nnz] the reconstruction loss's dL/df at every entry, near-threshold ones included. */
  readonly onValue: tf.Tensor1D;
  readonly vectors: TensorMap;
  readonly norms: tf.Tensor1D | undefined;
  readonly schedule: StepSchedule;
}

/** Sparsity penalty and threshold gradient. */
export function entryGradients(ops: SparseOps, config: SparseConfig, given: EntryGradientRequest): EntryGradients {
  if (config.kind === 'standard') return l1(ops, config, given);
  if (config.kind !== 'jumprelu') return {};
  return config.sparsity === 'tanh' ? tanhPenalty(ops, config, given) : l0Penalty(ops, config, given);
}

/** Mean over rows of the activations, each times its decoder row's norm where norms are given. */
function l1(ops: SparseOps, config: SparseConfig & { readonly kind: 'standard' }, { open, norms, schedule }: EntryGradientRequest): EntryGradients {
  const slope = (config.l1Coefficient * schedule.sparsity) / open.acts.rows;
  if (norms === undefined) return { penalty: { name: 'l1', value: tf.mul(tf.sum(open.value), slope) as tf.Scalar }, onValue: slope };
  const each = ops.expandByLatent(open.acts, norms);
  return {
    penalty: { name: 'l1', value: tf.mul(tf.sum(tf.mul(open.value, each)), slope) as tf.Scalar },
    onValue: tf.mul(each, slope) as tf.Tensor1D,
    onNorm: tf.mul(ops.sumByLatent(open.acts, open.value), slope) as tf.Tensor1D,
  };
}

type JumpRelu = SparseConfig & { readonly kind: 'jumprelu' };

/** Mean over rows of sum tanh(c f ||w||) (Anthropic, January 2025). */
function tanhPenalty(ops: SparseOps, config: JumpRelu, { open, norms, onValue, schedule }: EntryGradientRequest): EntryGradients {
  const lambda = (config.coefficient * schedule.sparsity) / open.acts.rows;
  const each = ops.expandByLatent(open.acts, norms as tf.Tensor1D);
  const bent = tf.tanh(tf.mul(tf.mul(open.value, each), config.tanhScale)) as tf.Tensor1D;
  const slope = tf.mul(tf.sub(1, tf.square(bent)), lambda * config.tanhScale);
  const own = tf.mul(slope, each) as tf.Tensor1D;
  const near = bandOf(open.acts.value, open.theta as tf.Tensor1D, config.bandwidth);
  return {
    penalty: { name: 'l0', value: tf.mul(tf.sum(bent), lambda) as tf.Scalar },
    onValue: own,
    onNorm: ops.sumByLatent(open.acts, tf.mul(slope, open.value)),
    threshold: ops.sumByLatent(open.acts, throughCodes(config, { near, theta: open.theta as tf.Tensor1D, onValue: tf.add(onValue, own) })),
  };
}

function l0Penalty(ops: SparseOps, config: JumpRelu, { open, vectors, onValue, schedule }: EntryGradientRequest): EntryGradients {
  const rows = open.acts.rows;
  const lambda = config.coefficient * schedule.sparsity;
  const excess = tf.sub(tf.div(open.l0, config.targetL0), 1);
  const quadratic = config.sparsity === 'quadratic';
  const penalty = tf.mul(quadratic ? tf.square(excess) : open.l0, lambda) as tf.Scalar;
  // dL/dL0, spread over the batch's rows.
  const perRow = tf.div(quadratic ? tf.mul(excess, (2 * lambda) / config.targetL0) : tf.scalar(lambda), rows);
  const theta = open.theta as tf.Tensor1D;
  const band = bandOf(open.acts.value, theta, config.bandwidth);
  // JumpReLU (arXiv 2407.14435) eq. 12: -(1 / eps) K dL/dL0.
  const step = tf.mul(perRow, -1 / config.bandwidth);
  const fromL0 = config.l0SteOn === 'pre' ? tf.mul(band, step) : tf.mul(tf.mul(bandOf(open.value, theta, config.bandwidth), open.gate), step);
  const gradient = ops.sumByLatent(open.acts, tf.add(throughCodes(config, { near: band, theta, onValue }), fromL0) as tf.Tensor1D);
  if (config.l0SteOn === 'pre') return { penalty: { name: 'l0', value: penalty }, threshold: gradient };
  // The step function sees gated activations: every closed entry is a 0, inside the kernel where the threshold is below eps / 2.
  const closed = tf.sub(rows, ops.sumByLatent(open.acts, open.gate));
  const reached = tf.cast(tf.less(tf.abs(thetaOf(vectors)), config.bandwidth / 2), 'float32');
  return { penalty: { name: 'l0', value: penalty }, threshold: tf.add(gradient, tf.mul(tf.mul(closed, reached), step)) as tf.Tensor1D };
}

/** K((z - theta) / eps), 0 or 1. */
function bandOf(z: tf.Tensor1D, theta: tf.Tensor1D, bandwidth: number): tf.Tensor1D {
  return tf.cast(tf.less(tf.abs(tf.sub(z, theta)), bandwidth / 2), 'float32') as tf.Tensor1D;
}

/** JumpReLU (arXiv 2407.14435) eq. 11: -(theta / eps) K dL/df, [nnz]. */
function throughCodes(config: JumpRelu, entries: { readonly near: tf.Tensor1D; readonly theta: tf.Tensor1D; readonly onValue: tf.Tensor }): tf.Tensor1D {
  return tf.mul(tf.mul(entries.near, entries.onValue), tf.mul(entries.theta, -1 / config.bandwidth)) as tf.Tensor1D;
}

/** What the architecture's `afterStep` wants to know of the forward pass. */
export function carryOf(config: SparseConfig, ops: SparseOps, acts: SparseActs): TensorMap {
  if (config.kind === 'batchtopk' || config.kind === 'matryoshka') return { smallest: acts.nnz === 0 ? tf.scalar(Infinity) : tf.min(acts.value) };
  if (config.kind !== 'topk' || config.threshold.rule === 'none') return {};
  const least = ops.leastByRow(acts);
  const filled = tf.isFinite(least);
  const count = tf.sum(tf.cast(filled, 'float32'));
  const sum = tf.sum(tf.where(filled, least, tf.zerosLike(least)));
  return { smallest: tf.where(tf.greater(count, 0), tf.div(sum, count), tf.scalar(Infinity)) };
}
