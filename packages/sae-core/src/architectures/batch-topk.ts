import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { ArchitectureConfig, InferenceParts, LossContext, LossResult, SaeArchitecture, TrainedArrays } from './architecture.js';
import { auxLoss } from './aux-k.js';
import { parseConfig } from './base-config.js';
import { inferenceFields, inferenceKind, initLinear } from './linear.js';
import { batchTopK as batchTopKMask, smallestPositive } from './select.js';
import { averagedThreshold, initialThreshold } from './threshold-average.js';
import { decodeSelected, foldedTopK, kAt, selectable, TOPK_DEFAULTS, TOPK_TRAINING, topKFields, type TopKParts } from './topk-parts.js';

/** Mean latents per row that are kept; may be fractional. The paper used 32. */
export const BATCH_TOPK_DEFAULTS = { k: 32 } as const;

const schema = z.strictObject({
  kind: z.literal('batchtopk'),
  ...topKFields(),
  k: z.number().positive().default(BATCH_TOPK_DEFAULTS.k),
});

export type BatchTopKConfig = z.output<typeof schema>;
export type BatchTopKOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A BatchTopK SAE (arXiv 2412.06410): the int(k B) largest activations of the batch; exported as JumpReLU with the averaged threshold. */
export function batchTopK(options: BatchTopKOptions): BatchTopKConfig {
  return parseConfig(schema, { kind: 'batchtopk', ...options }, 'batchtopk');
}

/** The batch's selected activations, and what led to them. */
export function batchSelection(context: LossContext<TopKParts & { readonly k: number }>): { codes: tf.Tensor2D; pre: tf.Tensor2D; decodable(acts: tf.Tensor2D): tf.Tensor2D } {
  const { config, schedule } = context;
  const { pre, decodable } = selectable(context);
  const acts = tf.relu(pre);
  const kept = Math.floor(kAt(config, config.k, schedule) * pre.shape[0]);
  return { codes: tf.mul(acts, batchTopKMask(acts, kept)), pre, decodable };
}

function loss(context: LossContext<BatchTopKConfig>): LossResult {
  const { config } = context;
  const { codes, pre, decodable } = batchSelection(context);
  const recon = decodeSelected(context, codes);
  const parts: Record<string, tf.Scalar> = { mse: context.squaredError(recon) };
  if (config.aux.coefficient > 0) parts['aux'] = auxLoss(context, config.aux, { pre, recon, decodable, dead: context.dead(codes) });
  return { total: tf.addN(Object.values(parts)), parts, codes, recon, carry: { smallest: smallestPositive(codes) } };
}

/** JumpReLU with one threshold for all latents. */
export function thresholdedInference(trained: TrainedArrays<TopKParts & ArchitectureConfig>): InferenceParts {
  const { config, params, state, scale } = trained;
  const weights = foldedTopK(trained);
  const threshold = Math.max(0, state['threshold']!.data[0]!) * scale.input;
  weights['threshold'] = { shape: [config.latents], data: new Float32Array(config.latents).fill(threshold) };
  return { config: { kind: inferenceKind('jumprelu', config), ...inferenceFields(config, params) }, weights };
}

/** State and inference of architectures whose training selects over the batch. */
export const BATCH_SELECTED = {
  initState: (config: TopKParts): { threshold: { shape: readonly number[]; data: Float32Array } } => ({
    threshold: { shape: [], data: Float32Array.of(initialThreshold(config.threshold)) },
  }),
  toInference: thresholdedInference,
};

export const batchTopKArchitecture: SaeArchitecture<BatchTopKConfig> = {
  kind: 'batchtopk',
  defaults: { ...TOPK_DEFAULTS, ...BATCH_TOPK_DEFAULTS },
  schema: schema as z.ZodType<BatchTopKConfig>,
  training: TOPK_TRAINING,
  init: initLinear,
  ...BATCH_SELECTED,
  encode(context) {
    const acts = tf.relu(selectable(context).pre);
    return tf.mul(acts, batchTopKMask(acts, Math.floor(context.config.k * acts.shape[0])));
  },
  decode: decodeSelected,
  loss,
  afterStep: (context) => ({ state: averagedThreshold(context.config.threshold, context) }),
};
