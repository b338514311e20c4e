import { sparseOps, tf } from '@salmon-sae/compute';
import type { Provenance, SaeState, Site } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { sparseConfig } from '../fast/coverage.js';
import { SparseLearner, type SparseLearnerOptions } from '../fast/sparse-learner.js';
import { autodiffStep } from './autodiff-step.js';
import { heldLatents } from './held-latents.js';
import { Learner, type LearnerShape, type LearnerSnapshot, type StepNumbers } from './learner.js';
import { startSnapshot, type LearnerStart } from './learner-start.js';
import type { ResolvedSpec } from './train-spec.js';
import type { TrainStepFactory } from './train-step.js';
import type { Trainable } from './trainable.js';

/** One SAE in training, whatever its arithmetic. */
export interface TrainingLearner {
  readonly spec: ResolvedSpec;
  readonly steps: number;
  readonly tokens: number;
  readonly finished: boolean;
  train(x: tf.Tensor2D, target: tf.Tensor2D): StepNumbers | undefined;
  snapshot(): LearnerSnapshot;
  toState(site: Site, trained: Omit<Provenance, 'tokens' | 'steps' | 'seed'>): SaeState;
  dispose(): void;
}

export interface LearnerOptions {
  /** Steps of the caller's own; given ones are used, and sparse arithmetic is not. */
  readonly steps: readonly TrainStepFactory[] | undefined;
  /** 'auto': sparse where that computes the same thing and is faster; 'dense': automatic differentiation throughout. */
  readonly arithmetic: 'auto' | 'dense';
  /** Default: everything learns. */
  readonly trainable?: Trainable;
}

export function startLearner(spec: ResolvedSpec, shape: LearnerShape, options: LearnerOptions & LearnerStart): TrainingLearner {
  if (isSparse(spec, options)) return new SparseLearner(spec, startSnapshot(spec, shape, options), sparseOptions(options));
  return Learner.start(spec, shape, { ...options, factories: denseFactories(spec, options) });
}

export function restoreLearner(spec: ResolvedSpec, shape: LearnerShape, options: LearnerOptions & { readonly snapshot: LearnerSnapshot }): TrainingLearner {
  if (isSparse(spec, options)) return new SparseLearner(spec, options.snapshot, sparseOptions(options));
  return Learner.restore(spec, shape, { snapshot: options.snapshot, factories: denseFactories(spec, options) });
}

function isSparse(spec: ResolvedSpec, options: LearnerOptions): boolean {
  if (options.steps !== undefined || options.arithmetic === 'dense' || sparseConfig(spec) === undefined) return false;
  // TensorFlow's dense products (on a GPU above all) beat loops in TypeScript; WebAssembly's do not.
  return sparseOps().kind !== 'plain' || ['wasm', 'cpu'].includes(tf.getBackend());
}

function sparseOptions({ trainable }: LearnerOptions): SparseLearnerOptions {
  return trainable === undefined ? {} : { trainable };
}

function denseFactories(spec: ResolvedSpec, { steps, trainable }: LearnerOptions): readonly TrainStepFactory[] {
  if (spec.config.training.moments !== 'f32') {
    throw new SalmonError('unsupported', {
      what: 'Dense training keeps its moments in float32',
      where: `${spec.config.id}, training.moments`,
      expected: 'f32, or an architecture and a backend that train on sparse arithmetic',
      got: `${spec.config.training.moments} with ${spec.config.sae.kind} on ${tf.getBackend()}`,
    });
  }
  const factories = steps ?? [autodiffStep];
  return trainable === undefined ? factories : [heldLatents(trainable, factories)];
}
