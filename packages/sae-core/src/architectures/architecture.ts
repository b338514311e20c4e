import type { tf } from '@salmon-sae/compute';
import type { Json, NdArray, Random } from '@salmon-sae/dataflow';
import type { z } from 'zod';
import type { StepSchedule, TrainingOptions } from '../train/training-config.js';

/** Named tensors; the keys are SAELens' parameter names (W_enc [d,F], W_dec [F,d], b_enc [F], b_dec [d], threshold [F], ...). */
export type TensorMap = Readonly<Record<string, tf.Tensor>>;

/** Named arrays at rest. */
export type ArrayMap = Readonly<Record<string, NdArray>>;

/** What every architecture's configuration holds; the rest is the architecture's own. JSON-serialisable throughout. */
export interface ArchitectureConfig {
  readonly kind: string;
  /** F, the number of latents. */
  readonly latents: number;
}

export interface InitContext {
  /** d, the width of what the encoder reads. */
  readonly width: number;
  /** Width of what the decoder writes; equal to `width` except for transcoders. */
  readonly outWidth: number;
  readonly random: Random;
}

/** All that the forward pass of one batch may depend on. */
export interface ForwardContext<C extends ArchitectureConfig = ArchitectureConfig> {
  readonly config: C;
  readonly params: TensorMap;
  /** What changes from step to step without a gradient (threshold averages, per-dimension weights). */
  readonly state: TensorMap;
  /** x [B, d], scaled and normalised, as the encoder gets it. */
  readonly x: tf.Tensor2D;
  readonly schedule: StepSchedule;
  /** The encoder's product [B,d] x [d,F]; in bfloat16 where the run asked for that. */
  matMul(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D;
}

/** Latents counted as dead for this step. */
export interface DeadLatents {
  /** [F] true = dead. */
  readonly mask: tf.Tensor1D;
  /** How many, > 0. */
  readonly count: number;
}

export interface LossContext<C extends ArchitectureConfig = ArchitectureConfig> extends ForwardContext<C> {
  /** What is to be reconstructed, [B, dOut]. */
  readonly target: tf.Tensor2D;
  /** target - recon [B, dOut], per-token normalisation undone; never weighted. */
  residual(recon: tf.Tensor2D): tf.Tensor2D;
  /** Mean over rows of the summed squared residual, each dimension weighted where `state.dimension_weight` [dOut] says so. */
  squaredError(recon: tf.Tensor2D): tf.Scalar;
  /** The dead latents, or undefined where there are none. Some peers count this step's codes first, hence the argument. */
  dead(codes: tf.Tensor2D): DeadLatents | undefined;
  /** Standard normal numbers drawn from the run's seed, the step and the label: the same on every run. */
  noise(shape: readonly [number, number], label: string): tf.Tensor2D;
}

export interface LossResult {
  readonly total: tf.Scalar;
  /** Every addend of the total, already multiplied by its coefficient. */
  readonly parts: Readonly<Record<string, tf.Scalar>>;
  /** f [B, F] */
  readonly codes: tf.Tensor2D;
  /** [B, dOut], before per-token normalisation is undone. */
  readonly recon: tf.Tensor2D;
  /** Numbers that `afterStep` needs from this forward pass. */
  readonly carry?: TensorMap;
}

export interface AfterStepContext<C extends ArchitectureConfig = ArchitectureConfig> {
  readonly config: C;
  /** Parameters after the optimiser's step. */
  readonly params: TensorMap;
  readonly state: TensorMap;
  readonly carry: TensorMap;
  readonly schedule: StepSchedule;
}

export interface AfterStepResult {
  readonly params?: TensorMap;
  readonly state?: TensorMap;
}

/** A trained SAE on its way to inference. */
export interface TrainedArrays<C extends ArchitectureConfig = ArchitectureConfig> {
  readonly config: C;
  readonly params: ArrayMap;
  readonly state: ArrayMap;
  /** Activations were divided by `input` and targets by `output` while training. */
  readonly scale: { readonly input: number; readonly output: number };
}

/** Inference configuration with SAELens' field names, and weights in raw activation units. */
export interface InferenceParts {
  readonly config: { readonly kind: string; readonly [key: string]: Json };
  readonly weights: ArrayMap;
}

/**
 * One SAE architecture: a plain value, passed in a list; nothing is registered globally.
 * All functions are pure and run inside the trainer's `tf.tidy`.
 */
export interface SaeArchitecture<C extends ArchitectureConfig = ArchitectureConfig> {
  readonly kind: string;
  readonly defaults: Readonly<Record<string, Json>>;
  /** Validates a configuration and fills in the defaults. */
  readonly schema: z.ZodType<C>;
  /** Training options that suit this architecture, laid over the general defaults. */
  readonly training: Partial<TrainingOptions>;
  /** The same where they depend on the configuration; goes before `training`. */
  trainingFor?(config: C): Partial<TrainingOptions>;
  init(config: C, context: InitContext): ArrayMap;
  /** State at step 0; absent: none. */
  initState?(config: C, context: InitContext): ArrayMap;
  /** State that depends on the first batches: targets [n, width] in training units. */
  fitState?(config: C, data: { readonly target: Float32Array; readonly width: number }): ArrayMap;
  encode(context: ForwardContext<C>): tf.Tensor2D;
  decode(context: ForwardContext<C>, codes: tf.Tensor2D): tf.Tensor2D;
  loss(context: LossContext<C>): LossResult;
  afterStep?(context: AfterStepContext<C>): AfterStepResult;
  toInference(trained: TrainedArrays<C>): InferenceParts;
}

/** An architecture of any configuration type; safe because `schema` guards every call. */
export type AnyArchitecture = SaeArchitecture<never>;
