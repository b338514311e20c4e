import type { SparseOps } from '@salmon-sae/compute';
import { disposeAll, sparseOps, tf } from '@salmon-sae/compute';
import type { Provenance, SaeState, Site } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ArrayMap, TensorMap } from '../architectures/architecture.js';
import { nextSilence } from '../train/autodiff-step.js';
import { deadLimit } from '../train/dead-limit.js';
import type { LearnerSnapshot, StepNumbers } from '../train/learner.js';
import { foldedScales, type Scales } from '../train/normalisation.js';
import { resampleDead } from '../train/resample.js';
import { scheduleAt } from '../train/schedule.js';
import type { ResolvedSpec } from '../train/train-spec.js';
import type { Trainable } from '../train/trainable.js';
import type { StepSchedule } from '../train/training-config.js';
import type { SparseConfig } from './coverage.js';
import { sparseConfig } from './coverage.js';
import { DENSE_ABOVE } from './dense-step.js';
import { Phases } from './phases.js';
import { scoped } from './scoped.js';
import { SparseParams } from './sparse-params.js';
import { sparseStep } from './sparse-step.js';

export interface SparseLearnerOptions {
  /** Default: the fastest of the active backend. */
  readonly ops?: SparseOps;
  /** Share of open entries above which a step is computed densely; default `DENSE_ABOVE`. */
  readonly denseAbove?: number;
  /** Default: everything learns. */
  readonly trainable?: Trainable;
}

/**
 * One SAE in training on sparse arithmetic: the same numbers as `Learner` (to rounding), the same snapshots, several times its speed.
 * For the architectures and options that `sparseConfig` accepts. Owns its memory: dispose it when done.
 */
export class SparseLearner {
  readonly spec: ResolvedSpec;
  readonly scales: Scales;
  /** Seconds spent in each phase so far. */
  readonly phases = new Phases();
  readonly #config: SparseConfig;
  readonly #ops: SparseOps;
  #params: SparseParams;
  readonly #deadAfter: number;
  readonly #denseAbove: number;
  readonly #trainable: Trainable | undefined;
  #state: TensorMap;
  #silence: tf.Tensor1D;
  #firstBad: number;
  #step: number;
  #tokens: number;

  /** @throws SalmonError unsupported where `sparseConfig(spec)` is undefined. */
  constructor(spec: ResolvedSpec, snapshot: LearnerSnapshot, options: SparseLearnerOptions = {}) {
    const ops = options.ops ?? sparseOps();
    const config = sparseConfig(spec);
    if (config === undefined) throw new SalmonError('unsupported', { what: 'This SAE cannot be trained on sparse arithmetic', where: spec.config.id });
    this.spec = spec;
    this.scales = snapshot.scales;
    this.#config = config;
    this.#ops = ops;
    this.#denseAbove = options.denseAbove ?? DENSE_ABOVE;
    this.#trainable = options.trainable;
    this.#deadAfter = deadLimit(spec.config.training);
    this.#params = new SparseParams(ops, spec.config.training, { snapshot, trainable: options.trainable });
    this.#state = Object.fromEntries(Object.entries(snapshot.state).map(([name, a]) => [name, tf.keep(tf.tensor(a.data, [...a.shape], 'float32'))]));
    this.#silence = tf.keep(tf.tensor1d(snapshot.silence.data, 'int32'));
    this.#firstBad = snapshot.firstBad;
    this.#step = snapshot.step;
    this.#tokens = snapshot.tokens;
  }

  get steps(): number {
    return this.#step;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get finished(): boolean {
    return this.#step >= this.spec.config.training.steps;
  }

  /** One step on raw rows x [B, d], target [B, dOut]; numbers only at logged steps, and at the last one. */
  train(rawX: tf.Tensor2D, rawTarget: tf.Tensor2D): StepNumbers | undefined {
    const { training } = this.spec.config;
    const schedule = scheduleAt(training, this.#step);
    const rows = rawX.shape[0];
    const logged = (this.#step + 1) % training.logEvery === 0 || this.#step + 1 === training.steps;
    const outcome = scoped(() => {
      const x = this.scales.input === 1 ? rawX : tf.div<tf.Tensor2D>(rawX, this.scales.input);
      const target = rawTarget === rawX && this.scales.input === this.scales.output ? x : tf.div<tf.Tensor2D>(rawTarget, this.scales.output);
      const step = sparseStep(
        this.#ops,
        { spec: this.spec, config: this.#config, training, params: this.#params, state: this.#state, x, target, schedule, silence: this.#silence, deadAfter: this.#deadAfter, denseAbove: this.#denseAbove },
        this.phases,
      );
      const gradNorm = this.phases.time('update', () => this.#params.update(step.gradients, schedule));
      const silence = nextSilence(this.#silence, step.fired, training.deadUnit === 'tokens' ? rows : 1);
      const after = this.spec.architecture.afterStep?.({ config: this.spec.config.sae, params: this.#params.vectors, state: this.#state, carry: step.carry, schedule });
      this.#params.replace(after?.params ?? {});
      this.#adopt(silence, after?.state ?? {});
      const total = step.total.dataSync()[0] as number;
      const numbers = logged ? { ...this.#numbers(step, target), gradNorm } : undefined;
      this.#resample(x, target, schedule);
      return { total, gradNorm, numbers };
    });
    this.#step++;
    this.#tokens += rows;
    if (this.#firstBad === 0 && !(Number.isFinite(outcome.total) && Number.isFinite(outcome.gradNorm))) this.#firstBad = this.#step;
    if (outcome.numbers === undefined) return undefined;
    return { ...outcome.numbers, step: this.#step, tokens: this.#tokens, learningRate: schedule.learningRate, firstBad: this.#firstBad };
  }

  snapshot(): LearnerSnapshot {
    return {
      step: this.#step,
      tokens: this.#tokens,
      scales: this.scales,
      params: this.#params.params(),
      slots: this.#params.slots(),
      state: this.#downloadState(),
      silence: { shape: this.#silence.shape, data: Int32Array.from(this.#silence.dataSync<'int32'>()) },
      firstBad: this.#firstBad,
    };
  }

  /** The SAE as it stands, folded to raw activation units. */
  toState(site: Site, trained: Omit<Provenance, 'tokens' | 'steps' | 'seed'>): SaeState {
    const { config, architecture } = this.spec;
    const scale = foldedScales(config.sae, this.scales);
    const parts = architecture.toInference({ config: config.sae, params: this.#params.params(), state: this.#downloadState(), scale });
    return {
      config: parts.config,
      weights: parts.weights,
      scale: scale.input,
      site,
      trained: { ...trained, tokens: this.#tokens, steps: this.#step, seed: config.training.seed },
    };
  }

  dispose(): void {
    this.#params.dispose();
    disposeAll(this.#state);
    this.#silence.dispose();
  }

  /** Re-draws dead latents where that is due: on all parameters at once, as `Learner` does. */
  #resample(x: tf.Tensor2D, target: tf.Tensor2D, schedule: StepSchedule): void {
    const { resampleEvery } = this.spec.config.training;
    if (resampleEvery === null || (schedule.step + 1) % resampleEvery !== 0) return;
    const upload = (arrays: ArrayMap): TensorMap => Object.fromEntries(Object.entries(arrays).map(([name, a]) => [name, tf.tensor(a.data, [...a.shape], 'float32')]));
    const resampled = resampleDead(this.spec, { x, target, params: upload(this.#params.params()), slots: upload(this.#params.slots()), state: this.#state, silence: this.#silence, schedule, deadAfter: this.#deadAfter });
    if (resampled === undefined) return;
    const old = this.#params;
    const snapshot = { step: schedule.step + 1, params: readAll(resampled.params), slots: readAll(resampled.slots) };
    this.#params = new SparseParams(this.#ops, this.spec.config.training, { snapshot, trainable: this.#trainable });
    old.dispose();
    this.#adopt(resampled.silence, {});
  }

  #adopt(silence: tf.Tensor1D, state: TensorMap): void {
    this.#silence.dispose();
    this.#silence = tf.keep(silence);
    for (const [name, tensor] of Object.entries(state)) {
      const old = this.#state[name];
      if (old === tensor) continue;
      this.#state = { ...this.#state, [name]: tf.keep(tensor) };
      old?.dispose();
    }
  }

  #numbers(step: ReturnType<typeof sparseStep>, target: tf.Tensor2D): { loss: number; parts: Record<string, number>; l0: number; fve: number; deadLatents: number } {
    const targetSquares = tf.sum(tf.square(tf.sub(target, tf.mean(target, 0))));
    const dead = tf.sum(tf.cast(tf.greaterEqual(this.#silence, Math.ceil(this.#deadAfter)), 'float32'));
    const names = Object.keys(step.parts);
    const scalars = [step.total, step.l0, step.squaredError, targetSquares, dead, ...Object.values(step.parts)];
    const [loss, l0, squaredError, variance, deadLatents, ...parts] = scalars.map((s) => s.dataSync()[0] as number) as [number, number, number, number, number, ...number[]];
    return { loss, l0, fve: 1 - squaredError / variance, deadLatents, parts: Object.fromEntries(names.map((name, i) => [name, parts[i] as number])) };
  }

  #downloadState(): LearnerSnapshot['state'] {
    return readAll(this.#state);
  }
}

function readAll(tensors: TensorMap): ArrayMap {
  return Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, { shape: [...t.shape], data: Float32Array.from(t.dataSync<'float32'>()) }]));
}
