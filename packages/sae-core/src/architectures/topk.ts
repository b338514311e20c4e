import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { LossContext, LossResult, SaeArchitecture } from './architecture.js';
import { auxLoss } from './aux-k.js';
import { parseConfig } from './base-config.js';
import { inferenceFields, inferenceKind, initLinear } from './linear.js';
import { offTape } from './off-tape.js';
import { rowTopK, smallestPositive } from './select.js';
import { averagedThreshold, initialThreshold } from './threshold-average.js';
import { decodeSelected, foldedTopK, kAt, selectable, TOPK_DEFAULTS, TOPK_TRAINING, topKFields } from './topk-parts.js';

/** Own fields of TopK SAEs (arXiv 2406.04093). */
export const TOPK_OWN_DEFAULTS = {
  k: 32,
  /** Multi-TopK: weight of the loss at `multiFactor` k; 1/8 in the paper, 0 = off. */
  multiWeight: 0,
  multiFactor: 4,
  /** Divide the reconstruction loss by the target's variance in the batch (OpenAI). */
  normalizeLoss: false,
} as const;

const D = TOPK_OWN_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('topk'),
  ...topKFields(),
  k: z.int().positive().default(D.k),
  multiWeight: z.number().nonnegative().default(D.multiWeight),
  multiFactor: z.number().min(1).default(D.multiFactor),
  normalizeLoss: z.boolean().default(D.normalizeLoss),
});

export type TopKConfig = z.output<typeof schema>;
export type TopKOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A TopK SAE with AuxK and, on request, multi-TopK (arXiv 2406.04093). */
export function topK(options: TopKOptions): TopKConfig {
  return parseConfig(schema, { kind: 'topk', ...options }, 'topk');
}

function loss(context: LossContext<TopKConfig>): LossResult {
  const { config } = context;
  const { pre, decodable } = selectable(context);
  const k = Math.max(1, Math.round(kAt(config, config.k, context.schedule)));
  // TopK, then ReLU: arXiv 2406.04093 eq. 2 and its released code.
  const codes = tf.mul<tf.Tensor2D>(tf.relu(pre), rowTopK(pre, k));
  const recon = decodeSelected(context, codes);
  const variance = config.normalizeLoss ? targetVariance(context.target) : undefined;
  const normalized = (error: tf.Scalar): tf.Scalar => (variance === undefined ? error : tf.div(error, variance));
  const parts: Record<string, tf.Scalar> = { mse: normalized(context.squaredError(recon)) };
  if (config.multiWeight > 0) {
    const wide = tf.mul<tf.Tensor2D>(tf.relu(pre), rowTopK(pre, Math.round(k * config.multiFactor)));
    parts['multi'] = tf.mul(normalized(context.squaredError(decodeSelected(context, wide))), config.multiWeight);
  }
  if (config.aux.coefficient > 0) parts['aux'] = auxLoss(context, config.aux, { pre, recon, decodable, dead: context.dead(codes) });
  const carry = config.threshold.rule === 'none' ? {} : { smallest: offTape(() => meanOfFinite(smallestPositive(codes, 1))) };
  return { total: tf.addN(Object.values(parts)), parts, codes, recon, carry };
}

function targetVariance(target: tf.Tensor2D): tf.Scalar {
  return offTape(() => tf.div<tf.Scalar>(tf.sum(tf.square(tf.sub(target, tf.mean(target, 0)))), target.shape[0]));
}

/** Mean of the entries that are finite; +Infinity where none is. */
function meanOfFinite(values: tf.Tensor): tf.Scalar {
  const fine = tf.cast(tf.isFinite(values), 'float32');
  const count = tf.sum(fine);
  const sum = tf.sum(tf.where(tf.isFinite(values), values, tf.zerosLike(values)));
  return tf.where(tf.greater(count, 0), tf.div(sum, tf.maximum(count, 1)), tf.scalar(Infinity)) as tf.Scalar;
}

export const topKArchitecture: SaeArchitecture<TopKConfig> = {
  kind: 'topk',
  defaults: { ...TOPK_DEFAULTS, ...TOPK_OWN_DEFAULTS },
  schema: schema as z.ZodType<TopKConfig>,
  training: TOPK_TRAINING,
  init: initLinear,
  initState: (config) => ({ threshold: { shape: [], data: Float32Array.of(initialThreshold(config.threshold)) } }),
  encode(context) {
    const { pre } = selectable(context);
    return tf.mul(tf.relu(pre), rowTopK(pre, context.config.k));
  },
  decode: decodeSelected,
  loss,
  afterStep: (context) => ({ state: averagedThreshold(context.config.threshold, context) }),
  toInference(trained) {
    const { config, params } = trained;
    return {
      config: { kind: inferenceKind('topk', config), ...inferenceFields(config, params), k: config.k, rescale_acts_by_decoder_norm: false },
      weights: foldedTopK(trained),
    };
  },
};
