import { tf } from '@salmon-sae/compute';
import type { Provenance, SaeState, Site } from '@salmon-sae/dataflow';
import type { ArrayMap, TensorMap } from '../architectures/architecture.js';
import { nextSilence } from './autodiff-step.js';
import { startSnapshot, type LearnerStart } from './learner-start.js';
import { foldedScales, type Scales } from './normalisation.js';
import { scheduleAt } from './schedule.js';
import { deadLimit } from './dead-limit.js';
import { resampleDead } from './resample.js';
import { initSlots, updateParams } from './update-params.js';
import type { GradientResult, TrainStep, TrainStepFactory, UpdateResult } from './train-step.js';
import type { ResolvedSpec } from './train-spec.js';
import type { StepSchedule } from './training-config.js';

export interface LearnerShape {
  readonly width: number;
  readonly outWidth: number;
}

/** Numbers of one logged step, read back from the device in one go. */
export interface StepNumbers {
  readonly step: number;
  readonly tokens: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly l0: number;
  readonly fve: number;
  readonly deadLatents: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** First step (from 1) whose loss or gradient was not finite; 0: none so far. */
  readonly firstBad: number;
}

/** All that makes a learner what it is, as plain arrays: restoring it gives the same bytes from then on. */
export interface LearnerSnapshot {
  readonly step: number;
  readonly tokens: number;
  readonly scales: Scales;
  readonly params: ArrayMap;
  readonly slots: ArrayMap;
  readonly state: ArrayMap;
  readonly silence: { readonly shape: readonly number[]; readonly data: Int32Array };
  readonly firstBad: number;
}

/** One SAE in training. Owns its tensors: dispose it when done. */
export class Learner {
  readonly spec: ResolvedSpec;
  readonly shape: LearnerShape;
  readonly scales: Scales;
  private params: TensorMap;
  private slots: TensorMap;
  private state: TensorMap;
  private silence: tf.Tensor1D;
  private firstBad: tf.Scalar;
  private step_: number;
  private tokens_: number;
  private readonly step: TrainStep;
  private readonly deadAfter: number;

  private constructor(spec: ResolvedSpec, shape: LearnerShape, snapshot: LearnerSnapshot, factories: readonly TrainStepFactory[]) {
    this.spec = spec;
    this.shape = shape;
    this.scales = snapshot.scales;
    this.step_ = snapshot.step;
    this.tokens_ = snapshot.tokens;
    this.params = upload(snapshot.params);
    this.slots = upload(snapshot.slots);
    this.state = upload(snapshot.state);
    this.silence = tf.keep(tf.tensor1d(snapshot.silence.data, 'int32'));
    this.firstBad = tf.keep(tf.scalar(snapshot.firstBad));
    this.deadAfter = deadLimit(spec.config.training);
    this.step = chooseStep(spec, { ...shape, deadAfter: this.deadAfter }, factories);
  }

  static start(spec: ResolvedSpec, shape: LearnerShape, options: LearnerStart & { readonly factories: readonly TrainStepFactory[] }): Learner {
    const snapshot = startSnapshot(spec, shape, options);
    return new Learner(spec, shape, { ...snapshot, slots: initSlots(snapshot.params) }, options.factories);
  }

  static restore(spec: ResolvedSpec, shape: LearnerShape, options: { readonly snapshot: LearnerSnapshot; readonly factories: readonly TrainStepFactory[] }): Learner {
    return new Learner(spec, shape, options.snapshot, options.factories);
  }

  get steps(): number {
    return this.step_;
  }

  get tokens(): number {
    return this.tokens_;
  }

  get finished(): boolean {
    return this.step_ >= this.spec.config.training.steps;
  }

  /** One step on raw rows x [B, d], target [B, dOut]; numbers only at logged steps, and at the last one. */
  train(rawX: tf.Tensor2D, rawTarget: tf.Tensor2D): StepNumbers | undefined {
    const { training } = this.spec.config;
    const schedule = scheduleAt(training, this.step_);
    const rows = rawX.shape[0];
    const logged = (this.step_ + 1) % training.logEvery === 0 || this.step_ + 1 === training.steps;
    let read: tf.Tensor1D | undefined;
    let names: readonly string[] = [];
    const next = tf.tidy(() => {
      const x = this.scales.input === 1 ? rawX : tf.div<tf.Tensor2D>(rawX, this.scales.input);
      const target = rawTarget === rawX && this.scales.input === this.scales.output ? x : tf.div<tf.Tensor2D>(rawTarget, this.scales.output);
      const outcome = this.step.gradients({ params: this.params, state: this.state, x, target, schedule, silence: this.silence, stats: logged });
      const update = this.update(outcome, schedule);
      const after = this.spec.architecture.afterStep?.({
        config: this.spec.config.sae,
        params: update.params,
        state: this.state,
        carry: outcome.carry,
        schedule,
      });
      let params: TensorMap = { ...update.params, ...after?.params };
      let slots = update.slots;
      const silence = nextSilence(this.silence, outcome.fired, training.deadUnit === 'tokens' ? rows : 1);
      const resampled = resampleDead(this.spec, { x, target, params, slots, silence, schedule, state: this.state, deadAfter: this.deadAfter });
      if (resampled !== undefined) ({ params, slots } = resampled);
      const firstBad = firstBadStep(this.firstBad, outcome.total, update.gradNorm, this.step_ + 1);
      if (logged) {
        names = Object.keys(outcome.parts);
        read = statistics(outcome, update.gradNorm, { silence, firstBad, deadAfter: this.deadAfter });
      }
      return { params, slots, state: { ...this.state, ...after?.state }, silence: resampled?.silence ?? silence, firstBad, read };
    });
    this.adopt(next);
    this.step_++;
    this.tokens_ += rows;
    if (next.read === undefined) return undefined;
    const values = next.read.dataSync();
    next.read.dispose();
    return this.numbers(values, names, schedule);
  }

  snapshot(): LearnerSnapshot {
    return {
      step: this.step_,
      tokens: this.tokens_,
      scales: this.scales,
      params: download(this.params),
      slots: download(this.slots),
      state: download(this.state),
      silence: { shape: this.silence.shape, data: this.silence.dataSync().slice() as Int32Array },
      firstBad: this.firstBad.dataSync()[0]!,
    };
  }

  /** The SAE as it stands, folded to raw activation units. */
  toState(site: Site, trained: Omit<Provenance, 'tokens' | 'steps' | 'seed'>): SaeState {
    const { config, architecture } = this.spec;
    const scale = foldedScales(config.sae, this.scales);
    const parts = architecture.toInference({ config: config.sae, params: download(this.params), state: download(this.state), scale });
    return {
      config: parts.config,
      weights: parts.weights,
      scale: scale.input,
      site,
      trained: { ...trained, tokens: this.tokens_, steps: this.step_, seed: config.training.seed },
    };
  }

  dispose(): void {
    tf.dispose([this.params, this.slots, this.state, this.silence, this.firstBad] as unknown as tf.TensorContainer);
  }

  private update(outcome: GradientResult, schedule: StepSchedule): UpdateResult {
    const request = { params: this.params, slots: this.slots, grads: outcome.grads, schedule };
    return this.step.update?.(request) ?? updateParams(request, this.spec.config.training);
  }

  private adopt(next: Pick<Learner['held'], 'params' | 'slots' | 'state' | 'silence' | 'firstBad'>): void {
    const old = this.held;
    ({ params: this.params, slots: this.slots, state: this.state, silence: this.silence, firstBad: this.firstBad } = next);
    const kept = new Set(flat(this.held));
    for (const t of kept) tf.keep(t);
    for (const t of flat(old)) if (!kept.has(t)) t.dispose();
  }

  private get held(): { params: TensorMap; slots: TensorMap; state: TensorMap; silence: tf.Tensor1D; firstBad: tf.Scalar } {
    return { params: this.params, slots: this.slots, state: this.state, silence: this.silence, firstBad: this.firstBad };
  }

  private numbers(values: ArrayLike<number>, names: readonly string[], schedule: StepSchedule): StepNumbers {
    const [loss, gradNorm, l0, squaredError, targetSquares, deadLatents, firstBad] = Array.from({ length: 7 }, (_, i) => values[i]!) as [number, number, number, number, number, number, number];
    return {
      step: this.step_,
      tokens: this.tokens_,
      loss,
      gradNorm,
      l0,
      fve: 1 - squaredError / targetSquares,
      deadLatents,
      firstBad,
      learningRate: schedule.learningRate,
      parts: Object.fromEntries(names.map((name, i) => [name, values[7 + i]!])),
    };
  }
}

function chooseStep(spec: ResolvedSpec, shape: LearnerShape & { readonly deadAfter: number }, factories: readonly TrainStepFactory[]): TrainStep {
  for (const factory of factories) {
    const step = factory(spec, shape);
    if (step !== undefined) return step;
  }
  throw new Error('no training step covers this architecture; end the list with autodiffStep');
}

/** The first step with a loss or gradient that is not finite, kept on the device so that no step has to wait for it. */
function firstBadStep(before: tf.Scalar, total: tf.Scalar, gradNorm: tf.Scalar, step: number): tf.Scalar {
  const fine = tf.logicalAnd(tf.isFinite(total), tf.isFinite(gradNorm));
  return tf.where(tf.logicalOr(fine, tf.greater(before, 0)), before, tf.scalar(step)) as tf.Scalar;
}

function statistics(
  outcome: GradientResult,
  gradNorm: tf.Scalar,
  rest: { readonly silence: tf.Tensor1D; readonly firstBad: tf.Scalar; readonly deadAfter: number },
): tf.Tensor1D {
  const dead = tf.sum(tf.cast(tf.greaterEqual(rest.silence, Math.ceil(rest.deadAfter)), 'float32'));
  const scalars = [outcome.total, gradNorm, outcome.l0!, outcome.squaredError!, outcome.targetSquares!, dead, rest.firstBad, ...Object.values(outcome.parts)];
  return tf.stack(scalars.map((s) => tf.reshape(s, []))) as tf.Tensor1D;
}

/** In order of name: sums over parameters (the gradient norm) must not depend on where the arrays came from. */
function upload(arrays: ArrayMap): TensorMap {
  const names = Object.keys(arrays).sort();
  return Object.fromEntries(names.map((name) => [name, tf.keep(tf.tensor(arrays[name]!.data, [...arrays[name]!.shape], 'float32'))]));
}

function download(map: TensorMap): ArrayMap {
  return Object.fromEntries(Object.entries(map).map(([name, t]) => [name, { shape: t.shape, data: t.dataSync().slice() as Float32Array }]));
}

function flat(held: { params: TensorMap; slots: TensorMap; state: TensorMap; silence: tf.Tensor1D; firstBad: tf.Scalar }): tf.Tensor[] {
  return [...Object.values(held.params), ...Object.values(held.slots), ...Object.values(held.state), held.silence, held.firstBad];
}
