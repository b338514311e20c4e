import type { ActivationBatch, Site } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { Observable, Subject, takeUntil, type OperatorFunction, type Subscriber } from 'rxjs';
import type { AnyArchitecture, ArchitectureConfig } from '../architectures/architecture.js';
import { ARCHITECTURES } from '../architectures/architectures.js';
import type { CheckpointStore } from '../checkpoint/checkpoint-store.js';
import type { TrainEvent } from '../train-event.js';
import { checkTrainable } from './trainable.js';
import { resolveSpecs, type ResolvedSpec, type TrainSpec } from './train-spec.js';
import { Trainer, trainerBatch, type TrainerOptions } from './trainer.js';
import type { TrainingOptions } from './training-config.js';

export interface TrainOptions extends Omit<TrainerOptions, 'site' | 'outWidth'> {
  /** Options for every SAE; a spec's own go over them. */
  readonly training?: Partial<TrainingOptions>;
  /** Default: `ARCHITECTURES`. Add your own here. */
  readonly architectures?: readonly AnyArchitecture[];
  /** Writes checkpoints, and goes on from the one it was opened with. */
  readonly checkpoints?: CheckpointStore;
}

type SpecInput = TrainSpec | ArchitectureConfig;

/**
 * Trains one or several SAEs on a stream of activations [rows, d]; each learns exactly as if it were alone. A batch's `target`,
 * where it has one, is what is reconstructed (residual SAEs, transcoders).
 *
 * Emits a `step` event per SAE at logged steps, `checkpoint` events, and one `done` per SAE, after its last step or at the end of
 * the stream; completes when all are done. Holds the first `normalizeBatches` batches, then none. Unsubscribing writes a last
 * checkpoint and frees every tensor. `await useBackend()` before subscribing.
 *
 * Fails with SalmonError bad-config, unknown-architecture, bad-shape, conflict, diverged, no-data.
 *
 * @example
 * activations.pipe(train([jumprelu({ latents: 2048, targetL0: 20 }), batchTopK({ latents: 2048, k: 20 })], { training: { steps: 600 } }))
 */
export function train(specs: SpecInput | readonly SpecInput[], options: TrainOptions = {}): OperatorFunction<ActivationBatch, TrainEvent> {
  const list = Array.isArray(specs) ? (specs as readonly SpecInput[]) : [specs as SpecInput];
  const resolved = resolveSpecs(list, options.training ?? {}, options.architectures ?? ARCHITECTURES);
  checkTrainable(resolved, options.trainable);
  return (source) =>
    new Observable<TrainEvent>((subscriber) => {
      const run = new TrainRun(resolved, options, subscriber);
      run.start(source);
      return () => run.cancel();
    });
}

/** One subscription: owns the trainer from the first batch (or the checkpoint) to completion, failure or cancellation. */
class TrainRun {
  private readonly specs: readonly ResolvedSpec[];
  private readonly options: TrainOptions;
  private readonly subscriber: Subscriber<TrainEvent>;
  private readonly stop = new Subject<void>();
  private trainer: Trainer | undefined;
  private place: { readonly site: Site; readonly outWidth: number } | undefined;
  private ended = false;

  constructor(specs: readonly ResolvedSpec[], options: TrainOptions, subscriber: Subscriber<TrainEvent>) {
    this.specs = specs;
    this.options = options;
    this.subscriber = subscriber;
  }

  start(source: Observable<ActivationBatch>): void {
    try {
      const point = this.options.checkpoints?.resume(this.specs);
      if (point !== undefined) {
        this.place = { site: point.site, outWidth: point.outWidth };
        this.trainer = new Trainer(this.specs, { ...this.options, site: point.site, outWidth: point.outWidth }, point.snapshot);
        this.emit(this.trainer.doneEvents());
        if (this.trainer.finished) return this.finish(false);
      }
    } catch (error) {
      return this.fail(error);
    }
    source.pipe(takeUntil(this.stop)).subscribe({
      next: (batch) => this.guard(() => this.onBatch(batch)),
      error: (error: unknown) => this.fail(error),
      complete: () => this.guard(() => this.onEnd()),
    });
  }

  /** Called on unsubscription, also after completion, where it does nothing. */
  cancel(): void {
    if (this.ended) return;
    this.ended = true;
    this.stop.next();
    const last = this.trainer?.snapshot();
    this.trainer?.dispose();
    if (last !== undefined) this.options.checkpoints?.save(this.specs, last, this.place!);
  }

  private onBatch(batch: ActivationBatch): void {
    if (this.ended) return;
    if (this.trainer === undefined) {
      const outWidth = batch.target === undefined ? batch.site.width : batch.target.length / batch.rows;
      this.place = { site: batch.site, outWidth };
      this.trainer = new Trainer(this.specs, { ...this.options, ...this.place });
    }
    const { site } = this.place!;
    if (batch.site.width !== site.width || batch.site.hook !== site.hook || batch.site.model !== site.model) {
      throw new SalmonError('bad-shape', { what: 'The stream changed its site', expected: shown(site), got: shown(batch.site) });
    }
    this.emit(this.trainer.step(trainerBatch(batch)));
    const { checkpoints } = this.options;
    if (checkpoints !== undefined) {
      if (!this.trainer.finished && checkpoints.due(this.trainer.steps)) checkpoints.save(this.specs, this.trainer.snapshot()!, this.place!);
      this.emit(checkpoints.takeEvents());
    }
    if (this.trainer.finished) this.stop.next();
  }

  private onEnd(): void {
    if (this.ended) return;
    if (this.trainer === undefined) throw new SalmonError('no-data', { what: 'The stream ended before its first batch', todo: 'Check the source of activations' });
    this.emit(this.trainer.finish());
    this.finish(true);
  }

  private finish(save: boolean): void {
    this.ended = true;
    const last = this.trainer!.snapshot();
    this.trainer!.dispose();
    const { checkpoints } = this.options;
    if (checkpoints === undefined) return this.subscriber.complete();
    if (save && last !== undefined) checkpoints.save(this.specs, last, this.place!);
    checkpoints
      .settled()
      .then(() => {
        this.emit(checkpoints.takeEvents());
        this.subscriber.complete();
      })
      .catch((error: unknown) => this.subscriber.error(error));
  }

  private fail(error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.trainer?.dispose();
    this.subscriber.error(error);
    this.stop.next();
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  private emit(events: readonly TrainEvent[]): void {
    for (const event of events) this.subscriber.next(event);
  }
}

function shown(site: Site): string {
  return `${site.model} ${site.hook}, width ${site.width}`;
}
