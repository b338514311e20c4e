import { tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { ForwardContext, SaeArchitecture } from './architecture.js';
import { parseConfig } from './base-config.js';
import { filled, param } from './linear.js';
import { checkMixture, decodeMixture, initMixture, MIXTURE_DEFAULTS, MIXTURE_TRAINING, mixtureFields, mixtureInference, mixtureLoss, routed } from './mixture.js';

const schema = z.strictObject({
  kind: z.literal('scale'),
  ...mixtureFields(2),
  /** Learn one omega per expert (feature scaling). */
  featureScaling: z.boolean().default(true),
});

export type ScaleConfig = z.output<typeof schema>;
export type ScaleOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A Scale SAE (arXiv 2511.05745): several active experts, one TopK over their union, and feature scaling of the encoder. */
export function scaleSae(options: ScaleOptions): ScaleConfig {
  const config = parseConfig(schema, { kind: 'scale', ...options }, 'scale');
  checkMixture(config);
  return config;
}

/**
 * Feature scaling: w_j' = w_mean + (1 + omega)(w_j - w_mean), the mean taken over the expert's encoder columns. One omega per expert; the paper
 * does not say whether it is shared.
 */
function scaledEncoder({ config, params }: ForwardContext<ScaleConfig>): tf.Tensor2D {
  const W_enc = param<tf.Tensor2D>(params, 'W_enc');
  const omega = params['omega'];
  if (omega === undefined) return W_enc;
  const [width, latents] = W_enc.shape;
  const grouped = tf.reshape(W_enc, [width, config.experts, latents / config.experts]);
  const mean = tf.mean(grouped, 2, true);
  const factor = tf.reshape(tf.add(omega, 1), [1, config.experts, 1]);
  return tf.reshape(tf.add(mean, tf.mul(tf.sub(grouped, mean), factor)), [width, latents]);
}

/** The same on arrays at rest. */
function foldedEncoder(W_enc: NdArray, omega: NdArray | undefined, experts: number): NdArray {
  if (omega === undefined) return W_enc;
  const [width, latents] = W_enc.shape as [number, number];
  const size = latents / experts;
  const data = new Float32Array(W_enc.data.length);
  for (let row = 0; row < width; row++) {
    for (let e = 0; e < experts; e++) {
      const start = row * latents + e * size;
      const part = W_enc.data.subarray(start, start + size);
      const mean = part.reduce((a, b) => a + b, 0) / size;
      part.forEach((w, j) => (data[start + j] = mean + (1 + omega.data[e]!) * (w - mean)));
    }
  }
  return { shape: W_enc.shape, data };
}

export const scaleArchitecture: SaeArchitecture<ScaleConfig> = {
  kind: 'scale',
  defaults: { ...MIXTURE_DEFAULTS, activeExperts: 2, featureScaling: true },
  schema: schema as z.ZodType<ScaleConfig>,
  training: MIXTURE_TRAINING,
  init(config, context) {
    checkMixture(config);
    return { ...initMixture(config, context), ...(config.featureScaling ? { omega: filled([config.experts]) } : {}) };
  },
  encode: (context) => routed(context, scaledEncoder(context)).codes,
  decode: decodeMixture,
  loss: (context) => mixtureLoss(context, scaledEncoder(context)),
  toInference: (trained) => mixtureInference(trained, foldedEncoder(trained.params['W_enc']!, trained.params['omega'], trained.config.experts)),
};
