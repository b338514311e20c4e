import { adam, clipGlobalNorm, globalNorm, tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import type { ArrayMap, TensorMap } from '../architectures/architecture.js';
import { filled } from '../architectures/linear.js';
import type { UpdateRequest, UpdateResult } from './train-step.js';
import type { TrainingOptions } from './training-config.js';

/** Keeps a division by a zero norm finite. */
const TINY = 1e-30;

/** Optimiser slots at step 0: `m.<parameter>` and `v.<parameter>`, zero. */
export function initSlots(params: ArrayMap): ArrayMap {
  const slots: Record<string, NdArray> = {};
  for (const [name, value] of Object.entries(params)) {
    slots[`m.${name}`] = filled(value.shape);
    slots[`v.${name}`] = filled(value.shape);
  }
  return slots;
}

/**
 * One optimiser step: remove the gradient's part parallel to unit-norm decoder rows, clip by global norm, Adam, renormalise the
 * rows (the order of dictionary_learning and of arXiv 2508.09363).
 */
export function updateParams({ params, slots, grads, schedule }: UpdateRequest, training: TrainingOptions): UpdateResult {
  const { beta1, beta2, epsilon, clipNorm } = training;
  const unit = training.decoder === 'unit-norm';
  const free = unit ? { ...grads, W_dec: withoutParallel(grads['W_dec'] as tf.Tensor2D, params['W_dec'] as tf.Tensor2D) } : grads;
  const clipped = clipNorm === null ? { grads: free, norm: globalNorm(free) } : clipGlobalNorm(free, clipNorm);
  const next = adam({ beta1, beta2, eps: epsilon }).update({
    params,
    grads: clipped.grads,
    slots: { step: schedule.step, m: part(slots, 'm.'), v: part(slots, 'v.') },
    learningRate: schedule.learningRate,
  });
  const moved: TensorMap = next.params;
  return {
    params: unit ? { ...moved, W_dec: unitNormRows(moved['W_dec'] as tf.Tensor2D) } : moved,
    slots: { ...named(next.slots.m, 'm.'), ...named(next.slots.v, 'v.') },
    gradNorm: clipped.norm,
  };
}

/** g - (g . w / ||w||^2) w, row by row. */
export function withoutParallel(gradient: tf.Tensor2D, rows: tf.Tensor2D): tf.Tensor2D {
  const along = tf.sum(tf.mul(gradient, rows), 1, true);
  const squares = tf.maximum(tf.sum(tf.square(rows), 1, true), TINY);
  return tf.sub(gradient, tf.mul(rows, tf.div(along, squares)));
}

export function unitNormRows(rows: tf.Tensor2D): tf.Tensor2D {
  return tf.div(rows, tf.maximum(tf.norm(rows, 'euclidean', 1, true), TINY));
}

function part(slots: TensorMap, prefix: string): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(slots).flatMap(([name, t]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), t]] : [])));
}

function named(moments: Readonly<Record<string, tf.Tensor>>, prefix: string): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(moments).map(([name, t]) => [`${prefix}${name}`, t]));
}
