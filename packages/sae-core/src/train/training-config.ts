import { z } from 'zod';

/** Defaults of the trainer, with where they come from. An architecture's own `training` and the user's options go over them. */
export const TRAINING_DEFAULTS = {
  steps: 1000,
  /** Rows of a batch; used for token windows and estimates. arXiv 2508.09363 used 2048. */
  batch: 2048,
  seed: 0,
  /** arXiv 2508.09363: 3e-4. */
  learningRate: 3e-4,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  /** A length: at least 1 = steps, below 1 = share of `steps`, 0 = none. 1000 of 23,925 steps in arXiv 2508.09363. */
  lrWarmup: 0.04,
  /** Factor at step i (from 0) of n: 'from-zero' i/n (dictionary_learning), 'first-step' (i+1)/n (SAELens), 'cosine' from 0.1 (arXiv 2407.14435). */
  lrWarmupShape: 'from-zero',
  /** Length of the decay at the end of the run: the last fifth (arXiv 2508.09363). */
  lrDecay: 0.2,
  lrDecayShape: 'linear',
  /** Final learning rate, as a share of `learningRate`. */
  lrEnd: 0,
  /** Length of the linear warm-up of the sparsity coefficient, i/n at step i: 5000 of 23,925 steps in arXiv 2508.09363. */
  sparsityWarmup: 0.21,
  /** Global gradient norm limit, as torch's clip_grad_norm_; null: none. */
  clipNorm: 1,
  /** 'unit-norm': the gradient's part parallel to each decoder row is removed, rows are renormalised after the step. */
  decoder: 'free',
  /** 'mean-square': divide by sqrt(E||x||^2) (Gemma Scope); 'mean-norm': divide by E||x|| / sqrt(d) (SAELens' expected_average_only_in). */
  normalize: 'mean-square',
  /** A scale that is known already; null: estimated on the first batches. */
  scale: null,
  /** Batches that the scale is estimated on; they are then trained on as well. The paper's authors used 100. */
  normalizeBatches: 10,
  /** 'input': targets are divided by the inputs' scale (residual SAEs); 'own': by one of their own (transcoders). */
  targetScale: 'input',
  /** A latent is dead after this much silence; null: 10 million tokens (arXiv 2406.04093) or a fifth of the run, whichever is less. */
  deadAfter: null,
  deadUnit: 'tokens',
  /** 'before-step': silence > limit before this batch (SAELens); 'with-step': silence >= limit, this batch included (dictionary_learning). */
  deadRule: 'with-step',
  /** Every how many steps dead latents are re-drawn from badly reconstructed inputs (Bricken et al. 2023); null: never. */
  resampleEvery: null,
  /** No resampling in the last part of the run: a length. */
  resampleUntil: 0.5,
  /** 'bfloat16-encoder' runs the encoder's matrix product in bfloat16, everything else in float32. */
  precision: 'float32',
  /** What Adam's moments of the two matrices are kept in; 'bf16' (rounded at random, without bias) saves half their memory, for wide SAEs. */
  moments: 'f32',
  /** Every how many steps a step event is emitted. */
  logEvery: 50,
  /** Steps in a row, seen at logged steps, with FVU > 1 or no active latent at all, before the run counts as diverged. */
  divergencePatience: 500,
} as const;

const D = TRAINING_DEFAULTS;
const length = z.number().nonnegative();

export const trainingSchema = z.strictObject({
  steps: z.int().positive().default(D.steps),
  batch: z.int().positive().default(D.batch),
  seed: z.int().nonnegative().default(D.seed),
  learningRate: z.number().positive().default(D.learningRate),
  beta1: z.number().min(0).lt(1).default(D.beta1),
  beta2: z.number().min(0).lt(1).default(D.beta2),
  epsilon: z.number().positive().default(D.epsilon),
  lrWarmup: length.default(D.lrWarmup),
  lrWarmupShape: z.enum(['from-zero', 'first-step', 'cosine']).default(D.lrWarmupShape),
  lrDecay: length.default(D.lrDecay),
  lrDecayShape: z.enum(['linear', 'cosine']).default(D.lrDecayShape),
  lrEnd: z.number().nonnegative().default(D.lrEnd),
  sparsityWarmup: length.default(D.sparsityWarmup),
  clipNorm: z.number().positive().nullable().default(D.clipNorm),
  decoder: z.enum(['free', 'unit-norm']).default(D.decoder),
  normalize: z.enum(['none', 'mean-square', 'mean-norm']).default(D.normalize),
  scale: z.number().positive().nullable().default(D.scale),
  normalizeBatches: z.int().positive().default(D.normalizeBatches),
  targetScale: z.enum(['input', 'own']).default(D.targetScale),
  deadAfter: z.number().positive().nullable().default(D.deadAfter),
  deadUnit: z.enum(['tokens', 'steps']).default(D.deadUnit),
  deadRule: z.enum(['before-step', 'with-step']).default(D.deadRule),
  resampleEvery: z.int().positive().nullable().default(D.resampleEvery),
  resampleUntil: length.default(D.resampleUntil),
  precision: z.enum(['float32', 'bfloat16-encoder']).default(D.precision),
  moments: z.enum(['f32', 'bf16']).default(D.moments),
  logEvery: z.int().positive().default(D.logEvery),
  divergencePatience: z.int().positive().default(D.divergencePatience),
});

export type TrainingOptions = Readonly<z.output<typeof trainingSchema>>;

/** Where a step stands in the run; a pure function of the configuration and the step. */
export interface StepSchedule {
  /** Steps finished before this one. */
  readonly step: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Multiplier of the sparsity coefficient, 0 to 1. */
  readonly sparsity: number;
}
