import { tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { ForwardContext, InferenceParts, InitContext, LossContext, LossResult, TrainedArrays } from './architecture.js';
import { baseFields, type BaseConfig } from './base-config.js';
import { centred, filled, foldedLinear, inferenceFields, initLinear, param, scaled, transposed, unitRows, withOutputTerms } from './linear.js';
import { offTape } from './off-tape.js';
import { rowTopK } from './select.js';

/** What Switch and Scale SAEs have in common: a router, experts of latents / experts latents each, TopK over the chosen ones. */
export const MIXTURE_DEFAULTS = {
  experts: 8,
  k: 32,
  /** Coefficient of N sum_i f_i P_i, for inputs of mean squared norm 1 (Switch's code: 0.01 of the squared activation scale). */
  loadBalance: 0.01,
  applyDecoderBiasToInput: true,
  decoderBiasInit: 'geometric-median',
} as const;

export function mixtureFields(activeExperts: number) {
  const d = MIXTURE_DEFAULTS;
  return {
    ...baseFields({ applyDecoderBiasToInput: d.applyDecoderBiasToInput, decoderBiasInit: d.decoderBiasInit }),
    transcoder: z.literal(false).default(false),
    skip: z.literal(false).default(false),
    experts: z.int().min(2).default(d.experts),
    activeExperts: z.int().positive().default(activeExperts),
    k: z.int().positive().default(d.k),
    loadBalance: z.number().nonnegative().default(d.loadBalance),
  };
}

export type MixtureConfig = BaseConfig & z.output<z.ZodObject<ReturnType<typeof mixtureFields>>>;

/** @throws SalmonError bad-config where the latents do not fall into equal experts */
export function checkMixture(config: MixtureConfig): void {
  if (config.latents % config.experts !== 0) {
    throw new SalmonError('bad-config', { what: 'The latents do not fall into equal experts', where: `${config.kind}.experts`, expected: `a divisor of ${config.latents}`, got: String(config.experts) });
  }
  if (config.activeExperts > config.experts) {
    throw new SalmonError('bad-config', { what: 'More experts are to be active than there are', where: `${config.kind}.activeExperts`, expected: `at most ${config.experts}`, got: String(config.activeExperts) });
  }
}

export function initMixture(config: MixtureConfig, context: InitContext): Record<string, NdArray> {
  const router = transposed(unitRows(config.experts, context.width, context.random), config.experts, context.width);
  return { ...initLinear(config, context), W_router: { shape: [context.width, config.experts], data: router }, b_router: filled([context.width]) };
}

interface Routed {
  /** p = softmax((x - b_router) W_router), [B, N] */
  readonly probability: tf.Tensor2D;
  /** [B, N] 1 at the active experts, constant for the gradient. */
  readonly active: tf.Tensor2D;
  /** Gate-weighted selected activations, [B, F]. */
  readonly codes: tf.Tensor2D;
}

/** One expert's value for all of its latents: [B, N] -> [B, F]. */
function perLatent(values: tf.Tensor2D, latents: number): tf.Tensor2D {
  const [rows, experts] = values.shape;
  return tf.reshape(tf.tile(tf.expandDims(values, 2), [1, 1, latents / experts]), [rows, latents]);
}

/**
 * TopK over the union of the active experts' latents, each multiplied by its expert's probability
 * (arXiv 2410.08201 eq. 5 for one active expert, arXiv 2511.05745 for more). All experts are computed densely.
 */
export function routed(context: ForwardContext<MixtureConfig>, W_enc: tf.Tensor2D): Routed {
  const { config, params, x } = context;
  const logits = tf.matMul<tf.Tensor2D>(tf.sub(x, param(params, 'b_router')), param<tf.Tensor2D>(params, 'W_router'));
  const probability = tf.softmax(logits);
  const active = rowTopK(offTape(() => tf.clone(probability)), config.activeExperts);
  const product = context.matMul(centred(context), W_enc);
  const bias = params['b_enc'];
  const acts = tf.relu(bias === undefined ? product : tf.add<tf.Tensor2D>(product, bias));
  const open = offTape(() => perLatent(active, config.latents));
  const mask = offTape(() => tf.mul<tf.Tensor2D>(rowTopK(tf.mul<tf.Tensor2D>(acts, open), config.k), open));
  return { probability, active, codes: tf.mul(tf.mul(acts, mask), perLatent(probability, config.latents)) };
}

/** N sum_i f_i P_i: f_i the share of tokens sent to expert i (constant), P_i its mean probability (arXiv 2410.08201 eq. 7). */
function imbalance({ probability, active }: Routed, config: MixtureConfig): tf.Scalar {
  const share = offTape(() => tf.div(tf.mean(active, 0), config.activeExperts));
  return tf.mul(tf.sum(tf.mul(share, tf.mean(probability, 0))), config.experts);
}

export function decodeMixture(context: ForwardContext<MixtureConfig>, codes: tf.Tensor2D): tf.Tensor2D {
  return withOutputTerms(context, tf.matMul<tf.Tensor2D>(codes, param<tf.Tensor2D>(context.params, 'W_dec')));
}

export function mixtureLoss(context: LossContext<MixtureConfig>, W_enc: tf.Tensor2D): LossResult {
  const routing = routed(context, W_enc);
  const recon = decodeMixture(context, routing.codes);
  const parts = {
    mse: context.squaredError(recon),
    balance: tf.mul<tf.Scalar>(imbalance(routing, context.config), context.config.loadBalance),
  };
  return { total: tf.add(parts.mse, parts.balance), parts, codes: routing.codes, recon };
}

/** Kind 'switch': the router sees raw activations, so its weights shrink by the scale that its bias grows by. */
export function mixtureInference({ config, params, scale }: TrainedArrays<MixtureConfig>, W_enc: NdArray): InferenceParts {
  return {
    config: {
      kind: 'switch',
      ...inferenceFields(config, params),
      experts: config.experts,
      active_experts: config.activeExperts,
      k: config.k,
    },
    weights: {
      ...foldedLinear({ ...params, W_enc }, scale),
      W_router: scaled(params['W_router']!, 1 / scale.input),
      b_router: scaled(params['b_router']!, scale.input),
    },
  };
}

/** dictionary_learning-style options of the Switch trainer: unit-norm decoder, decay over the last fifth. */
export const MIXTURE_TRAINING = { decoder: 'unit-norm', sparsityWarmup: 0 } as const;
