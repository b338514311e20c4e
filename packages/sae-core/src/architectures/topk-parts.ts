import { tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import { z } from 'zod';
import { lengthInSteps } from '../train/schedule.js';
import type { StepSchedule } from '../train/training-config.js';
import type { ForwardContext, TrainedArrays } from './architecture.js';
import { auxSchema } from './aux-k.js';
import { baseFields, type BaseConfig } from './base-config.js';
import { decoderNorms, foldedLinear, preActivations, withOutputTerms, param } from './linear.js';
import { thresholdSchema } from './threshold-average.js';

/** What TopK, BatchTopK, Matryoshka and MSAE have in common, with their defaults. */
export const TOPK_DEFAULTS = {
  applyDecoderBiasToInput: true,
  /** The geometric median of the first batch (OpenAI, dictionary_learning). */
  decoderBiasInit: 'geometric-median',
  /** Selection on pre-activations times the norm of the decoder row, which decoding divides out (SAELens' default). */
  rescaleByDecoderNorm: false,
  /** k falls linearly from this to its final value; null: no annealing. */
  kAnnealFrom: null,
  /** Length of the annealing. */
  kAnneal: 0.1,
} as const;

export function topKFields() {
  const d = TOPK_DEFAULTS;
  return {
    ...baseFields({ applyDecoderBiasToInput: d.applyDecoderBiasToInput, decoderBiasInit: d.decoderBiasInit }),
    rescaleByDecoderNorm: z.boolean().default(d.rescaleByDecoderNorm),
    kAnnealFrom: z.number().positive().nullable().default(d.kAnnealFrom),
    kAnneal: z.number().nonnegative().default(d.kAnneal),
    aux: auxSchema.prefault({}),
    threshold: thresholdSchema.prefault({}),
  };
}

export type TopKParts = BaseConfig & z.output<z.ZodObject<ReturnType<typeof topKFields>>>;

/** k at a step: annealed linearly from `kAnnealFrom`. */
export function kAt(config: Pick<TopKParts, 'kAnnealFrom' | 'kAnneal'>, k: number, schedule: StepSchedule): number {
  if (config.kAnnealFrom === null) return k;
  const n = lengthInSteps(config.kAnneal, schedule.steps);
  const t = n === 0 ? 1 : Math.min(schedule.step / n, 1);
  return config.kAnnealFrom + (k - config.kAnnealFrom) * t;
}

/** Pre-activations as the selection sees them, and the way from selected activations to W_dec's input. */
export interface Selectable {
  readonly pre: tf.Tensor2D;
  decodable(acts: tf.Tensor2D): tf.Tensor2D;
}

export function selectable(context: ForwardContext<TopKParts>): Selectable {
  const plain = preActivations(context);
  if (!context.config.rescaleByDecoderNorm) return { pre: plain, decodable: (acts) => acts };
  const norms = decoderNorms(context.params);
  return { pre: tf.mul(plain, norms), decodable: (acts) => tf.div(acts, norms) };
}

/** Decodes selected activations, the norm rescaling undone. */
export function decodeSelected(context: ForwardContext<TopKParts>, codes: tf.Tensor2D): tf.Tensor2D {
  const input = context.config.rescaleByDecoderNorm ? tf.div<tf.Tensor2D>(codes, decoderNorms(context.params)) : codes;
  return withOutputTerms(context, tf.matMul<tf.Tensor2D>(input, param<tf.Tensor2D>(context.params, 'W_dec')));
}

/**
 * Inference weights; where selection was on norm-rescaled activations the norms move from W_dec into the encoder, which leaves
 * codes and reconstruction as they are.
 */
export function foldedTopK({ config, params, scale }: TrainedArrays<TopKParts>): Record<string, NdArray> {
  const weights = foldedLinear(params, scale);
  if (!config.rescaleByDecoderNorm) return weights;
  const W_dec = params['W_dec']!;
  const [F, out] = W_dec.shape as [number, number];
  const norms = Float32Array.from({ length: F }, (_, f) => Math.hypot(...W_dec.data.subarray(f * out, (f + 1) * out)));
  const divided = weights['W_dec']!.data.map((v, i) => v / norms[Math.floor(i / out)]!);
  const multiplied = weights['W_enc']!.data.map((v, i) => v * norms[i % F]!);
  return {
    ...weights,
    W_dec: { shape: W_dec.shape, data: divided },
    W_enc: { shape: weights['W_enc']!.shape, data: multiplied },
    b_enc: { shape: [F], data: weights['b_enc']!.data.map((v, f) => v * norms[f]!) },
  };
}

/** Training options of dictionary_learning's top-k trainers: unit-norm decoder, Adam (0.9, 0.999). */
export const TOPK_TRAINING = { decoder: 'unit-norm', sparsityWarmup: 0 } as const;
