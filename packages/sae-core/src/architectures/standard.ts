import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { LossContext, LossResult, SaeArchitecture } from './architecture.js';
import { baseFields, parseConfig } from './base-config.js';
import { affineDecode, decoderNorms, foldedLinear, inferenceFields, inferenceKind, initLinear, preActivations } from './linear.js';

export const STANDARD_DEFAULTS = {
  /** Coefficient for inputs of mean squared norm 1; dictionary_learning 0.1. SAELens' 1 to 5 are for mean norm sqrt(d). */
  l1Coefficient: 0.1,
  /** The penalty is mean over rows of ||f . ||W_dec|| ||_p. */
  p: 1,
  /** Weigh each latent by ||W_dec_i|| (SAELens; Anthropic, April 2024); without effect under a unit-norm decoder. */
  normWeighted: true,
  applyDecoderBiasToInput: true,
} as const;

const D = STANDARD_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('standard'),
  ...baseFields({ applyDecoderBiasToInput: D.applyDecoderBiasToInput }),
  l1Coefficient: z.number().nonnegative().default(D.l1Coefficient),
  p: z.number().positive().default(D.p),
  normWeighted: z.boolean().default(D.normWeighted),
});

export type StandardConfig = z.output<typeof schema>;
export type StandardOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A ReLU SAE with an L1 (or p-norm) penalty (Bricken et al. 2023, "Towards Monosemanticity"; Conerly et al., April 2024). */
export function standard(options: StandardOptions): StandardConfig {
  return parseConfig(schema, { kind: 'standard', ...options }, 'standard');
}

/** Mean over rows of the p-norm; for p other than 1 entries at 0 pass no gradient (the p-norm has none there for p < 1). */
export function meanPNorm(values: tf.Tensor2D, p: number): tf.Scalar {
  if (p === 1) return tf.mean(tf.sum(values, 1));
  const tiny = 1e-20;
  const powered = tf.mul(tf.pow(tf.maximum(values, tiny), p), tf.step(values));
  return tf.mean(tf.pow(tf.maximum(tf.sum(powered, 1), tiny), 1 / p));
}

function loss(context: LossContext<StandardConfig>): LossResult {
  const { config, params, schedule } = context;
  const codes = tf.relu(preActivations(context));
  const recon = affineDecode(context, codes);
  const penalised = config.normWeighted ? tf.mul<tf.Tensor2D>(codes, decoderNorms(params)) : codes;
  const parts = {
    mse: context.squaredError(recon),
    l1: tf.mul<tf.Scalar>(meanPNorm(penalised, config.p), config.l1Coefficient * schedule.sparsity),
  };
  return { total: tf.add(parts.mse, parts.l1), parts, codes, recon };
}

export const standardArchitecture: SaeArchitecture<StandardConfig> = {
  kind: 'standard',
  defaults: STANDARD_DEFAULTS,
  schema: schema as z.ZodType<StandardConfig>,
  training: {},
  init: initLinear,
  encode: (context) => tf.relu(preActivations(context)),
  decode: affineDecode,
  loss,
  toInference: ({ config, params, scale }) => ({
    config: { kind: inferenceKind('standard', config), ...inferenceFields(config, params) },
    weights: foldedLinear(params, scale),
  }),
};
