import type { tf } from '@salmon-sae/compute';
import type { TensorMap } from '../architectures/architecture.js';
import type { StepSchedule } from './training-config.js';
import type { ResolvedSpec } from './train-spec.js';

/** What one gradient computation gets. Everything is a tensor that the learner owns. */
export interface GradientRequest {
  readonly params: TensorMap;
  readonly state: TensorMap;
  /** [B, d] in training units. */
  readonly x: tf.Tensor2D;
  /** [B, dOut] in training units. */
  readonly target: tf.Tensor2D;
  readonly schedule: StepSchedule;
  /** [F] int32: tokens (or steps) since each latent was last active, before this batch. */
  readonly silence: tf.Tensor1D;
  /** True where `l0`, `squaredError` and `targetSquares` are wanted. */
  readonly stats: boolean;
}

export interface GradientResult {
  /** One for each parameter, same shapes. */
  readonly grads: TensorMap;
  readonly total: tf.Scalar;
  readonly parts: Readonly<Record<string, tf.Scalar>>;
  /** [F] bool: active on any row of the batch. */
  readonly fired: tf.Tensor1D;
  readonly carry: TensorMap;
  readonly l0?: tf.Scalar;
  /** Sum over the batch of ||recon - target||^2. */
  readonly squaredError?: tf.Scalar;
  /** Sum over the batch of ||target - mean target||^2. */
  readonly targetSquares?: tf.Scalar;
}

/** Gradients gathered with the optimiser's slots, for `update`. */
export interface UpdateRequest {
  readonly params: TensorMap;
  readonly slots: TensorMap;
  readonly grads: TensorMap;
  readonly schedule: StepSchedule;
}

export interface UpdateResult {
  readonly params: TensorMap;
  readonly slots: TensorMap;
  /** Global norm before clipping, after the projection. */
  readonly gradNorm: tf.Scalar;
}

/**
 * The inner step of training, and the place where a native implementation plugs in. Called inside a `tf.tidy`: it returns
 * fresh tensors and keeps none.
 */
export interface TrainStep {
  gradients(request: GradientRequest): GradientResult;
  /** Projection, clipping, optimiser and renormalisation in one; default: `updateParams`. */
  update?(request: UpdateRequest): UpdateResult;
}

/** Makes the step of one SAE, or declines (undefined) what it does not cover. */
export type TrainStepFactory = (spec: ResolvedSpec, shape: StepShape) => TrainStep | undefined;

export interface StepShape {
  readonly width: number;
  readonly outWidth: number;
  /** Silence after which a latent is dead, in the unit of `training.deadUnit`. */
  readonly deadAfter: number;
}
