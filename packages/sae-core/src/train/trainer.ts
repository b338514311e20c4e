import { tf } from '@salmon-sae/compute';
import type { ActivationBatch, Cursor, Json, Provenance, SaeState, Site } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ArrayMap } from '../architectures/architecture.js';
import { sharedFields } from '../architectures/base-config.js';
import type { DoneEvent, StepEvent, TrainEvent } from '../train-event.js';
import { DivergenceWatch } from './divergence.js';
import type { LearnerShape, LearnerSnapshot, StepNumbers } from './learner.js';
import { restoreLearner, startLearner, type LearnerOptions, type TrainingLearner } from './make-learner.js';
import { batchesNeeded, scalesFor, type TrainBatch } from './normalisation.js';
import type { TrainStepFactory } from './train-step.js';
import { checkTrainable, type Trainable } from './trainable.js';
import type { ResolvedSpec } from './train-spec.js';

/** Rows to train on, with their place in the source where it is known. */
export interface TrainerBatch extends TrainBatch {
  readonly cursor?: Cursor;
}

export interface TrainerOptions {
  /** Where the activations are from; goes into the trained states. */
  readonly site: Site;
  /** Default: the site's width (transcoders differ). */
  readonly outWidth?: number;
  /** Weights to start from, by SAE id and parameter name, in training units; what is missing is initialised from the seed. */
  readonly initial?: Readonly<Record<string, ArrayMap>>;
  /** Training steps of the caller's own, tried in order; default: sparse arithmetic where it applies, else automatic differentiation. */
  readonly steps?: readonly TrainStepFactory[];
  /** 'dense' forgoes sparse arithmetic; both give the same numbers to rounding. Default 'auto'. */
  readonly arithmetic?: 'auto' | 'dense';
  /** What learns, by SAE id; default: everything. */
  readonly trainable?: Readonly<Record<string, Trainable>>;
  readonly versions?: Readonly<Record<string, string>>;
  readonly facts?: Readonly<Record<string, Json>>;
}

export interface TrainerSnapshot {
  readonly learners: Readonly<Record<string, LearnerSnapshot>>;
  /** Position after the last batch that was trained on. */
  readonly cursor: Cursor | undefined;
}

/**
 * Trains several SAEs on one stream of batches, each exactly as if it were alone. The imperative core below the `train`
 * operator: `step` as long as there is data and `finished` is false, then `finish`, then `dispose`.
 * Buffers the first batches where a scale must be estimated (`normalizeBatches`), nothing after that.
 */
export class Trainer {
  private readonly specs: readonly ResolvedSpec[];
  private readonly options: TrainerOptions;
  private readonly shape: LearnerShape;
  private readonly watches: ReadonlyMap<string, DivergenceWatch>;
  private readonly needed: number;
  private waiting: TrainerBatch[] = [];
  private learners: readonly TrainingLearner[] | undefined;
  private cursor_: Cursor | undefined;

  constructor(specs: readonly ResolvedSpec[], options: TrainerOptions, snapshot?: TrainerSnapshot) {
    this.specs = specs;
    this.options = options;
    this.shape = { width: options.site.width, outWidth: options.outWidth ?? options.site.width };
    this.watches = new Map(specs.map((spec) => [spec.config.id, new DivergenceWatch(spec.config)]));
    this.needed = Math.max(...specs.map((spec) => batchesNeeded(spec.config.training)));
    checkShapes(specs, this.shape);
    checkTrainable(specs, options.trainable);
    if (snapshot !== undefined) this.learners = this.restored(snapshot);
    this.cursor_ = snapshot?.cursor;
  }

  /** True once every SAE has made all its steps. */
  get finished(): boolean {
    return this.learners?.every((learner) => learner.finished) ?? false;
  }

  /** Most steps that any SAE has made. */
  get steps(): number {
    return Math.max(0, ...(this.learners ?? []).map((learner) => learner.steps));
  }

  get tokens(): number {
    return Math.max(0, ...(this.learners ?? []).map((learner) => learner.tokens));
  }

  get cursor(): Cursor | undefined {
    return this.cursor_;
  }

  /**
   * Trains every unfinished SAE on one batch; gives the events of logged steps and of SAEs that made their last step.
   * @throws SalmonError bad-shape, diverged
   */
  step(batch: TrainerBatch): readonly TrainEvent[] {
    checkBatch(batch, this.shape);
    if (this.learners !== undefined) return this.trainOn(batch);
    this.waiting.push(batch);
    return this.waiting.length < this.needed ? [] : this.begin();
  }

  /** Call at the end of the data: trains on what is still buffered and gives a `done` event for each SAE that had steps left. */
  finish(): readonly TrainEvent[] {
    const events = this.learners === undefined && this.waiting.length > 0 ? [...this.begin()] : [];
    if (this.learners === undefined) throw new SalmonError('no-data', { what: 'There was nothing to train on', expected: 'at least one batch', todo: 'Check the source of activations' });
    for (const learner of this.learners) if (!learner.finished) events.push(this.doneEvent(learner));
    return events;
  }

  /** Every SAE as it stands, folded to raw activation units. */
  states(): readonly SaeState[] {
    return (this.learners ?? []).map((learner) => this.stateOf(learner));
  }

  /** `done` events of the SAEs that have made all their steps (a resumed run gives them again). */
  doneEvents(): readonly DoneEvent[] {
    return (this.learners ?? []).filter((learner) => learner.finished).map((learner) => this.doneEvent(learner));
  }

  /** Undefined before the first step. */
  snapshot(): TrainerSnapshot | undefined {
    if (this.learners === undefined) return undefined;
    return {
      learners: Object.fromEntries(this.learners.map((learner) => [learner.spec.config.id, learner.snapshot()])),
      cursor: this.cursor_,
    };
  }

  dispose(): void {
    for (const learner of this.learners ?? []) learner.dispose();
    this.learners = undefined;
    this.waiting = [];
  }

  private how(id: string): LearnerOptions {
    const trainable = this.options.trainable?.[id];
    return { steps: this.options.steps, arithmetic: this.options.arithmetic ?? 'auto', ...(trainable === undefined ? {} : { trainable }) };
  }

  private begin(): readonly TrainEvent[] {
    const batches = this.waiting;
    this.waiting = [];
    this.learners = this.specs.map((spec) => {
      const { training, id } = spec.config;
      const scales = scalesFor(batches, this.shape.width, training);
      const initial = this.options.initial?.[id];
      const sample = batches.slice(0, batchesNeeded(training));
      return startLearner(spec, this.shape, { ...this.how(id), scales, sample, ...(initial === undefined ? {} : { initial }) });
    });
    return batches.flatMap((batch) => this.trainOn(batch));
  }

  private restored(snapshot: TrainerSnapshot): readonly TrainingLearner[] {
    return this.specs.map((spec) => {
      const own = snapshot.learners[spec.config.id];
      if (own === undefined) throw new SalmonError('conflict', { what: 'The checkpoint does not hold this SAE', where: spec.config.id, got: Object.keys(snapshot.learners).join(', ') });
      return restoreLearner(spec, this.shape, { ...this.how(spec.config.id), snapshot: own });
    });
  }

  private trainOn(batch: TrainerBatch): readonly TrainEvent[] {
    const events: TrainEvent[] = [];
    const x = tf.tensor2d(batch.values, [batch.rows, this.shape.width]);
    const target = batch.target === undefined ? x : tf.tensor2d(batch.target, [batch.rows, this.shape.outWidth]);
    try {
      for (const learner of this.learners!) {
        if (learner.finished) continue;
        const watch = this.watches.get(learner.spec.config.id)!;
        watch.batch(learner.steps + 1, batch.cursor);
        const numbers = learner.train(x, target);
        if (numbers !== undefined) {
          events.push(stepEvent(learner.spec.config.id, numbers), ...watch.check(numbers));
        }
        if (learner.finished) events.push(this.doneEvent(learner));
      }
      this.cursor_ = batch.cursor;
    } finally {
      tf.dispose([x, target]);
    }
    return events;
  }

  private doneEvent(learner: TrainingLearner): DoneEvent {
    return { kind: 'done', sae: learner.spec.config.id, step: learner.steps, tokens: learner.tokens, state: this.stateOf(learner) };
  }

  private stateOf(learner: TrainingLearner): SaeState {
    const trained: Pick<Provenance, 'versions' | 'facts'> = {
      versions: this.options.versions ?? {},
      facts: { ...this.options.facts, config: JSON.parse(JSON.stringify(learner.spec.config)) as Json },
    };
    return learner.toState(this.options.site, trained);
  }
}

function stepEvent(sae: string, n: StepNumbers): StepEvent {
  const { step, tokens, loss, parts, l0, fve, deadLatents, gradNorm, learningRate } = n;
  return { kind: 'step', sae, step, tokens, loss, parts, l0, fve, deadLatents, gradNorm, learningRate };
}

/** The part of an activation batch that training needs. */
export function trainerBatch(batch: ActivationBatch): TrainerBatch {
  return { rows: batch.rows, values: batch.values, cursor: batch.cursor, ...(batch.target === undefined ? {} : { target: batch.target }) };
}

function checkShapes(specs: readonly ResolvedSpec[], shape: LearnerShape): void {
  for (const { config } of specs) {
    const sae = sharedFields(config.sae);
    if (shape.width !== shape.outWidth && sae.transcoder !== true) {
      throw new SalmonError('bad-config', { what: 'Input and target differ in width, so this SAE is a transcoder', where: config.id, expected: 'transcoder: true', got: `${shape.width} in, ${shape.outWidth} out` });
    }
    if (sae.transcoder === true && sae.applyDecoderBiasToInput === true) {
      throw new SalmonError('bad-config', { what: 'A transcoder cannot subtract its decoder bias from the input', where: config.id, expected: 'applyDecoderBiasToInput: false' });
    }
  }
}

function checkBatch(batch: TrainerBatch, shape: LearnerShape): void {
  const at = batch.cursor === undefined ? {} : { where: `${batch.cursor.source}, shard ${batch.cursor.shard}, row ${batch.cursor.row}` };
  if (batch.values.length !== batch.rows * shape.width) {
    throw new SalmonError('bad-shape', { what: 'A batch of activations has the wrong size', ...at, expected: `${batch.rows} x ${shape.width}`, got: `${batch.values.length} numbers` });
  }
  if (batch.target !== undefined && batch.target.length !== batch.rows * shape.outWidth) {
    throw new SalmonError('bad-shape', { what: 'A batch of targets has the wrong size', ...at, expected: `${batch.rows} x ${shape.outWidth}`, got: `${batch.target.length} numbers` });
  }
  if (batch.target === undefined && shape.outWidth !== shape.width) {
    throw new SalmonError('bad-shape', { what: 'A transcoder needs targets', ...at, expected: `${batch.rows} x ${shape.outWidth} target values`, got: 'none' });
  }
}
