import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { ForwardContext, LossContext, LossResult, SaeArchitecture } from './architecture.js';
import { baseFields, parseConfig } from './base-config.js';
import { affineDecode, centred, decoderNorms, filled, foldedLinear, inferenceFields, initLinear, param, scaled } from './linear.js';
import { offTape } from './off-tape.js';

export const GATED_DEFAULTS = {
  /** For inputs of mean squared norm 1: dictionary_learning 0.1. */
  l1Coefficient: 0.1,
  /** true: decoder frozen in the auxiliary term (arXiv 2404.16014 eq. 8); false: the live decoder (SAELens). */
  detachAux: true,
  /** Weigh the gate's L1 by ||W_dec_i|| (SAELens); without effect under a unit-norm decoder. */
  normWeighted: false,
  applyDecoderBiasToInput: true,
} as const;

const D = GATED_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('gated'),
  ...baseFields({ applyDecoderBiasToInput: D.applyDecoderBiasToInput }),
  encoderBias: z.literal(false).default(false),
  transcoder: z.literal(false).default(false),
  skip: z.literal(false).default(false),
  l1Coefficient: z.number().nonnegative().default(D.l1Coefficient),
  detachAux: z.boolean().default(D.detachAux),
  normWeighted: z.boolean().default(D.normWeighted),
});

export type GatedConfig = z.output<typeof schema>;
export type GatedOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A gated SAE (arXiv 2404.16014): W_mag = exp(r_mag) W_gate, biases b_gate and b_mag. */
export function gated(options: GatedOptions): GatedConfig {
  return parseConfig(schema, { kind: 'gated', ...options }, 'gated');
}

/** pi = (x - b_dec) W_enc + b_gate, and f = 1[pi > 0] relu(exp(r_mag) h + b_mag) (eq. 5 and 6). */
function forward(context: ForwardContext<GatedConfig>): { readonly pi: tf.Tensor2D; readonly codes: tf.Tensor2D } {
  const { params } = context;
  const h = context.matMul(centred(context), param<tf.Tensor2D>(params, 'W_enc'));
  const pi = tf.add<tf.Tensor2D>(h, param(params, 'b_gate'));
  const magnitude = tf.relu(tf.add(tf.mul(h, tf.exp(param(params, 'r_mag'))), param(params, 'b_mag')));
  const gate = offTape(() => tf.cast(tf.greater(pi, 0), 'float32') as tf.Tensor2D);
  return { pi, codes: tf.mul(magnitude, gate) };
}

function loss(context: LossContext<GatedConfig>): LossResult {
  const { config, params, schedule } = context;
  const { pi, codes } = forward(context);
  const recon = affineDecode(context, codes);
  const opened = tf.relu(pi);
  const penalised = config.normWeighted ? tf.mul(opened, decoderNorms(params)) : opened;
  const frozen = config.detachAux ? { ...context, params: { ...params, ...offTapeDecoder(context) } } : context;
  const parts = {
    mse: context.squaredError(recon),
    l1: tf.mul<tf.Scalar>(tf.mean(tf.sum(penalised, 1)), config.l1Coefficient * schedule.sparsity),
    aux: context.squaredError(affineDecode(frozen, opened)),
  };
  return { total: tf.addN(Object.values(parts)), parts, codes, recon };
}

function offTapeDecoder({ params }: LossContext<GatedConfig>): Record<string, tf.Tensor> {
  return Object.fromEntries(['W_dec', 'b_dec'].flatMap((name) => (params[name] === undefined ? [] : [[name, offTape(() => tf.clone(params[name]!))]])));
}

export const gatedArchitecture: SaeArchitecture<GatedConfig> = {
  kind: 'gated',
  defaults: GATED_DEFAULTS,
  schema: schema as z.ZodType<GatedConfig>,
  // Unit-norm decoder and Adam with beta1 = 0: the paper, dictionary_learning.
  training: { decoder: 'unit-norm', beta1: 0 },
  init(config, context) {
    const F = [config.latents];
    return { ...initLinear(config, context), b_gate: filled(F), b_mag: filled(F), r_mag: filled(F) };
  },
  encode: (context) => forward(context).codes,
  decode: affineDecode,
  loss,
  toInference({ config, params, scale }) {
    const linear = foldedLinear(params, scale);
    const weights = {
      W_enc: linear['W_enc']!,
      W_dec: linear['W_dec']!,
      b_dec: linear['b_dec']!,
      b_gate: scaled(params['b_gate']!, scale.input),
      b_mag: scaled(params['b_mag']!, scale.input),
      r_mag: params['r_mag']!,
    };
    return { config: { kind: 'gated', ...inferenceFields(config, params) }, weights };
  },
};
