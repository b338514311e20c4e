import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { ForwardContext, LossContext, LossResult, SaeArchitecture } from './architecture.js';
import { baseFields, parseConfig } from './base-config.js';
import { affineDecode, centred, inferenceFields, initLinear, param, scaled, withOutputTerms } from './linear.js';
import { offTape } from './off-tape.js';

export const MATCHING_PURSUIT_DEFAULTS = {
  /** Atoms taken per row at most. */
  maxIterations: 32,
  /** A row stops when what is left is shorter than this, in the units of training; 0: never. */
  residualThreshold: 0,
  /** A row stops when an atom is taken a second time (SAELens). */
  stopOnDuplicate: true,
  applyDecoderBiasToInput: true,
} as const;

const D = MATCHING_PURSUIT_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('matching_pursuit'),
  ...baseFields({ applyDecoderBiasToInput: D.applyDecoderBiasToInput }),
  encoderBias: z.literal(false).default(false),
  transcoder: z.literal(false).default(false),
  skip: z.literal(false).default(false),
  maxIterations: z.int().positive().default(D.maxIterations),
  residualThreshold: z.number().nonnegative().default(D.residualThreshold),
  stopOnDuplicate: z.boolean().default(D.stopOnDuplicate),
});

export type MatchingPursuitConfig = z.output<typeof schema>;
export type MatchingPursuitOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A matching pursuit SAE (arXiv 2506.03093): one tied dictionary, atoms taken greedily from the residual. */
export function matchingPursuit(options: MatchingPursuitOptions): MatchingPursuitConfig {
  return parseConfig(schema, { kind: 'matching_pursuit', ...options }, 'matching_pursuit');
}

interface Pursuit {
  /** Sum of the atoms taken, [B, d]; carries the gradient. */
  readonly sum: tf.Tensor2D;
  /** [B, F], constant for the gradient. */
  readonly codes: tf.Tensor2D;
}

/**
 * r_0 = x - b_dec; i_t = argmax relu(r_t W_dec^T); z_t = relu(<r_t, w_i>); r_{t+1} = r_t - z_t w_i (arXiv 2506.03093, algorithm 1).
 * The choice of atoms is constant for the gradient, their strengths are not.
 */
function pursue(context: ForwardContext<MatchingPursuitConfig>): Pursuit {
  const { config, params } = context;
  const W_dec = param<tf.Tensor2D>(params, 'W_dec');
  let residual = centred(context);
  const rows = residual.shape[0];
  let sum = tf.zerosLike(residual);
  let active: tf.Tensor1D = tf.ones([rows]);
  let codes: tf.Tensor2D = tf.zeros([rows, config.latents]);
  for (let t = 0; t < config.maxIterations; t++) {
    const from = residual;
    const index = offTape(() => tf.argMax(tf.relu(tf.matMul(from, W_dec, false, true)), 1) as tf.Tensor1D);
    const atoms = tf.gather(W_dec, index);
    const strength = tf.mul(tf.relu(tf.sum(tf.mul(from, atoms), 1)), active) as tf.Tensor1D;
    const taken = tf.mul<tf.Tensor2D>(tf.expandDims(strength, 1), atoms);
    residual = tf.sub(from, taken);
    sum = tf.add(sum, taken);
    const left = residual;
    const [before, alive] = [codes, active];
    codes = offTape(() => tf.add(before, tf.mul(tf.oneHot(index, config.latents, 1, 0, 'float32'), tf.expandDims(strength, 1))));
    const after = codes;
    active = offTape(() => tf.mul(alive, stillActive(config, { before, after, left })));
  }
  return { sum, codes };
}

interface Round {
  readonly before: tf.Tensor2D;
  readonly after: tf.Tensor2D;
  readonly left: tf.Tensor2D;
}

/** [B] 1 where another atom may be taken. */
function stillActive(config: MatchingPursuitConfig, { before, after, left }: Round): tf.Tensor1D {
  const size = (codes: tf.Tensor2D): tf.Tensor => tf.sum(tf.cast(tf.greater(codes, 0), 'float32'), 1);
  const grew = config.stopOnDuplicate ? tf.greater(size(after), size(before)) : tf.onesLike(size(after)).cast('bool');
  const far = tf.greaterEqual(tf.norm(left, 'euclidean', 1), config.residualThreshold);
  return tf.cast(tf.logicalAnd(grew, far), 'float32') as tf.Tensor1D;
}

function loss(context: LossContext<MatchingPursuitConfig>): LossResult {
  const { sum, codes } = pursue(context);
  const recon = withOutputTerms(context, sum);
  const mse = context.squaredError(recon);
  return { total: mse, parts: { mse }, codes, recon };
}

export const matchingPursuitArchitecture: SaeArchitecture<MatchingPursuitConfig> = {
  kind: 'matching_pursuit',
  defaults: MATCHING_PURSUIT_DEFAULTS,
  schema: schema as z.ZodType<MatchingPursuitConfig>,
  training: { decoder: 'unit-norm', sparsityWarmup: 0 },
  init(config, context) {
    const params = initLinear(config, context);
    delete params['W_enc'];
    return params;
  },
  encode: (context) => pursue(context).codes,
  decode: affineDecode,
  loss,
  toInference({ config, params, scale }) {
    const fields = inferenceFields(config, params);
    return {
      config: {
        kind: 'matching_pursuit',
        ...fields,
        residual_threshold: config.residualThreshold * scale.input,
        max_iterations: config.maxIterations,
        stop_on_duplicate_support: config.stopOnDuplicate,
      },
      weights: {
        W_dec: scaled(params['W_dec']!, scale.output / scale.input),
        b_dec: params['b_dec'] === undefined ? { shape: [fields['d_in'] as number], data: new Float32Array(fields['d_in'] as number) } : scaled(params['b_dec'], scale.output),
      },
    };
  },
};
