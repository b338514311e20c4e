import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { ForwardContext, LossContext, SaeArchitecture } from './architecture.js';
import { baseFields, parseConfig } from './base-config.js';
import {
  affineDecode,
  decoderNorms,
  filled,
  foldedLinear,
  inferenceFields,
  inferenceKind,
  initLinear,
  param,
  preActivations,
} from './linear.js';
import { offTape } from './off-tape.js';
import { jumpRelu, meanL0, stepKernel } from './straight-through.js';

/** Defaults of the Resurrecting-the-Salmon recipe (arXiv 2508.09363), which are dictionary_learning's with a target L0. */
export const JUMPRELU_DEFAULTS = {
  /** 'quadratic': lambda (L0/target - 1)^2; 'step': lambda L0 (arXiv 2407.14435 eq. 9); 'tanh': Anthropic, January 2025. */
  sparsity: 'quadratic',
  targetL0: 20,
  /** lambda */
  coefficient: 1,
  /** eps; 0.001 suits inputs of mean squared norm 1, SAELens' 0.05 suits mean norm sqrt(d). */
  bandwidth: 0.001,
  initThreshold: 0.001,
  /** 'raw' (dictionary_learning: log gave poor results) or 'log' (the paper, SAELens up to 6.47). */
  thresholdParameter: 'raw',
  /** What the L0 step function sees: pre-activations (paper, SAELens) or gated activations (dictionary_learning). */
  l0SteOn: 'pre',
  tanhScale: 4,
  /** Weight of sum over dead latents of relu(theta - pre) ||W_dec_i||; Anthropic 3e-6. */
  preActCoefficient: null,
  /** Raw thresholds are kept at or above this after each step, so that training and inference (which applies ReLU) agree; null: free. */
  minThreshold: 0,
} as const;

const D = JUMPRELU_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('jumprelu'),
  ...baseFields(),
  sparsity: z.enum(['quadratic', 'step', 'tanh']).default(D.sparsity),
  targetL0: z.number().positive().default(D.targetL0),
  coefficient: z.number().nonnegative().default(D.coefficient),
  bandwidth: z.number().positive().default(D.bandwidth),
  initThreshold: z.number().positive().default(D.initThreshold),
  thresholdParameter: z.enum(['raw', 'log']).default(D.thresholdParameter),
  l0SteOn: z.enum(['pre', 'post']).default(D.l0SteOn),
  tanhScale: z.number().positive().default(D.tanhScale),
  preActCoefficient: z.number().nonnegative().nullable().default(D.preActCoefficient),
  minThreshold: z.number().nullable().default(D.minThreshold),
});

export type JumpReluConfig = z.output<typeof schema>;
export type JumpReluOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A JumpReLU SAE (arXiv 2407.14435), by default with the quadratic target-L0 loss of arXiv 2508.09363. */
export function jumprelu(options: JumpReluOptions): JumpReluConfig {
  return parseConfig(schema, { kind: 'jumprelu', ...options }, 'jumprelu');
}

function threshold(context: ForwardContext<JumpReluConfig>): tf.Tensor1D {
  const log = context.params['log_threshold'];
  return log === undefined ? param(context.params, 'threshold') : (tf.exp(log) as tf.Tensor1D);
}

function loss(context: LossContext<JumpReluConfig>): ReturnType<SaeArchitecture<JumpReluConfig>['loss']> {
  const { config, params, schedule } = context;
  const theta = threshold(context);
  const pre = preActivations(context);
  const kernel = stepKernel(pre, theta, config.bandwidth);
  const codes = jumpRelu(pre, theta, kernel);
  const recon = affineDecode(context, codes);
  const mse = context.squaredError(recon);
  const lambda = config.coefficient * schedule.sparsity;
  const parts: Record<string, tf.Scalar> = { mse };

  if (config.sparsity === 'tanh') {
    const weighted = tf.mul(tf.mul(codes, decoderNorms(params)), config.tanhScale);
    parts['l0'] = tf.mul(tf.mean(tf.sum(tf.tanh(weighted), 1)), lambda);
  } else {
    const l0 = meanL0(theta, config.l0SteOn === 'pre' ? kernel : stepKernel(codes, theta, config.bandwidth));
    const penalty = config.sparsity === 'step' ? l0 : tf.square(tf.sub(tf.div(l0, config.targetL0), 1));
    parts['l0'] = tf.mul(penalty, lambda);
  }

  if (config.preActCoefficient !== null) {
    const dead = context.dead(codes);
    parts['preAct'] =
      dead === undefined
        ? tf.scalar(0)
        : tf.mul(
            tf.mean(tf.sum(tf.mul(tf.relu(tf.sub(theta, pre)), tf.mul(offTape(() => tf.cast(dead.mask, 'float32')), decoderNorms(params))), 1)),
            config.preActCoefficient,
          );
  }
  return { total: tf.addN(Object.values(parts)), parts, codes, recon };
}

export const jumpReluArchitecture: SaeArchitecture<JumpReluConfig> = {
  kind: 'jumprelu',
  defaults: JUMPRELU_DEFAULTS,
  schema: schema as z.ZodType<JumpReluConfig>,
  // Adam with beta1 = 0: the paper's section 4 and dictionary_learning; momentum lets thresholds overshoot.
  training: { beta1: 0, decoder: 'unit-norm' },
  init(config, context) {
    const F = [config.latents];
    return {
      ...initLinear(config, context),
      ...(config.thresholdParameter === 'log'
        ? { log_threshold: filled(F, Math.log(config.initThreshold)) }
        : { threshold: filled(F, config.initThreshold) }),
    };
  },
  encode(context) {
    const pre = preActivations(context);
    return tf.mul(tf.relu(pre), tf.cast(tf.greater(pre, threshold(context)), 'float32'));
  },
  decode: affineDecode,
  loss,
  afterStep({ config, params }) {
    const raw = params['threshold'];
    if (raw === undefined || config.minThreshold === null) return {};
    return { params: { threshold: tf.maximum(raw, config.minThreshold) } };
  },
  toInference({ config, params, scale }) {
    const raw = params['threshold']?.data ?? params['log_threshold']!.data.map(Math.exp);
    const weights = foldedLinear(params, scale);
    weights['threshold'] = { shape: [config.latents], data: raw.map((t) => t * scale.input) };
    return { config: { kind: inferenceKind('jumprelu', config), ...inferenceFields(config, params) }, weights };
  },
};
