import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { ForwardContext, LossContext, LossResult, SaeArchitecture } from './architecture.js';
import { auxLoss, auxSchema } from './aux-k.js';
import { baseFields, parseConfig } from './base-config.js';
import { affineDecode, centred, filled, foldedLinear, inferenceFields, inferenceKind, initLinear, param, preActivations } from './linear.js';
import { rowTopK } from './select.js';

export const VARIATIONAL_DEFAULTS = {
  /** Latents kept per row, by |z|; null: all. */
  k: 64,
  /** 'fixed': z = mu, KL = mean 1/2 ||mu||^2; 'learned': log sigma^2 is linear in the input. */
  variance: 'fixed',
  /** The authors' run configurations: 0.5, warmed up over a tenth of the run. */
  klCoefficient: 0.5,
  logVarianceInit: -2,
  logVarianceMin: -6,
  logVarianceMax: 2,
  applyDecoderBiasToInput: true,
} as const;

const D = VARIATIONAL_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('variational'),
  ...baseFields({ applyDecoderBiasToInput: D.applyDecoderBiasToInput }),
  k: z.int().positive().nullable().default(D.k),
  variance: z.enum(['fixed', 'learned']).default(D.variance),
  klCoefficient: z.number().nonnegative().default(D.klCoefficient),
  logVarianceInit: z.number().default(D.logVarianceInit),
  logVarianceMin: z.number().default(D.logVarianceMin),
  logVarianceMax: z.number().default(D.logVarianceMax),
  aux: auxSchema.prefault({}),
});

export type VariationalConfig = z.output<typeof schema>;
export type VariationalOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A variational SAE (arXiv 2509.22994): Gaussian latents with a KL term to N(0, I); z = mu at evaluation. The paper finds that it does not help. */
export function variational(options: VariationalOptions): VariationalConfig {
  return parseConfig(schema, { kind: 'variational', ...options }, 'variational');
}

/** log sigma^2 [B, F], clamped. */
function logVariance(context: ForwardContext<VariationalConfig>): tf.Tensor2D {
  const { config, params } = context;
  const linear = tf.add(context.matMul(centred(context), param<tf.Tensor2D>(params, 'W_var')), param(params, 'b_var'));
  return tf.clipByValue(linear, config.logVarianceMin, config.logVarianceMax) as tf.Tensor2D;
}

function selected(z: tf.Tensor2D, k: number | null): tf.Tensor2D {
  return k === null ? z : tf.mul(z, rowTopK(tf.abs(z), k));
}

function loss(context: LossContext<VariationalConfig>): LossResult {
  const { config, schedule } = context;
  const pre = preActivations(context);
  const mu = tf.relu(pre);
  const learned = config.variance === 'learned';
  const logVar = learned ? logVariance(context) : undefined;
  const noise = logVar === undefined ? undefined : tf.mul(tf.exp(tf.mul(logVar, 0.5)), context.noise([mu.shape[0], mu.shape[1]], 'latent'));
  const codes = selected(noise === undefined ? mu : tf.add<tf.Tensor2D>(mu, noise), config.k);
  const recon = affineDecode(context, codes);
  // KL(N(mu, sigma^2) || N(0, 1)) = 1/2 sum (mu^2 + sigma^2 - 1 - log sigma^2)
  const squares = tf.square(mu);
  const terms = logVar === undefined ? squares : tf.sub(tf.add(squares, tf.exp(logVar)), tf.add(logVar, 1));
  const parts: Record<string, tf.Scalar> = {
    mse: context.squaredError(recon),
    kl: tf.mul(tf.mean(tf.sum(terms, 1)), 0.5 * config.klCoefficient * schedule.sparsity),
  };
  if (config.aux.coefficient > 0) parts['aux'] = auxLoss(context, config.aux, { pre, recon, decodable: (acts) => acts, dead: context.dead(codes) });
  return { total: tf.addN(Object.values(parts)), parts, codes, recon };
}

export const variationalArchitecture: SaeArchitecture<VariationalConfig> = {
  kind: 'variational',
  defaults: VARIATIONAL_DEFAULTS,
  schema: schema as z.ZodType<VariationalConfig>,
  training: { learningRate: 8e-4, decoder: 'unit-norm', lrWarmup: 0.02, sparsityWarmup: 0.1 },
  init(config, context) {
    const F = config.latents;
    const learned = { W_var: filled([context.width, F]), b_var: filled([F], config.logVarianceInit) };
    return { ...initLinear(config, context), ...(config.variance === 'learned' ? learned : {}) };
  },
  encode: (context) => selected(tf.relu(preActivations(context)), context.config.k),
  decode: affineDecode,
  loss,
  toInference: ({ config, params, scale }) => {
    const kind = inferenceKind(config.k === null ? 'standard' : 'topk', config);
    return {
      config: { kind, ...inferenceFields(config, params), ...(config.k === null ? {} : { k: config.k, rescale_acts_by_decoder_norm: false }) },
      weights: foldedLinear(params, scale),
    };
  },
};
