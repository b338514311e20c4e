import { join } from 'node:path';
import { residualOf, stitch } from '@salmon-sae/boosting-residual';
import type { ActivationBatch, Json } from '@salmon-sae/dataflow';
import { run as runToEnd, SalmonError } from '@salmon-sae/dataflow';
import { batchTopK, CheckpointStore, jumprelu, loadSae, openSae, saveSae, train } from '@salmon-sae/sae-core';
import type { Sae, TrainEvent, TrainSpec } from '@salmon-sae/sae-core';
import { concat, defer, filter, take } from 'rxjs';
import type { Observable, OperatorFunction } from 'rxjs';
import type { ActivationSource } from './activation-source.js';
import type { PlannedSae } from './plan.js';
import { checkpointHere } from './session.js';
import type { Session } from './session.js';

/** A trained SAE in the run directory. */
export interface TrainedSae {
  readonly name: string;
  /** Folder relative to the run directory, in SAELens' format. */
  readonly path: string;
  readonly tokens: number;
  readonly steps: number;
  /** Wall time of the pass that trained it, shared by `sharedBy` SAEs. */
  readonly seconds: number;
  readonly sharedBy: number;
}

/** Trains all SAEs that read the same rows in one pass over them. */
export async function trainGroup(
  session: Session,
  group: { readonly name: string; readonly plans: readonly PlannedSae[]; readonly source: ActivationSource },
): Promise<{ readonly key: string; readonly trained: readonly TrainedSae[] }> {
  const { config, run } = session;
  const { name, plans, source } = group;
  const inputs = { training: config.training, plans, source: source.key } as unknown as Json;
  const stage = await run.stage(`train/${name}`, inputs, async (folder) => {
    const specs = plans.map((plan) => jumpReluSpec(session, plan, source));
    const started = performance.now();
    const done = await runTraining(session, { stage: `train ${name}`, folder, specs, source, epochs: config.training.epochs });
    const seconds = (performance.now() - started) / 1000;
    const trained: TrainedSae[] = [];
    for (const event of done) {
      const path = join('saes', event.sae);
      await saveSae(event.state, run.file(path));
      trained.push({ name: event.sae, path, tokens: event.tokens, steps: event.step, seconds, sharedBy: plans.length });
    }
    return trained as unknown as Json;
  });
  return { key: stage.key, trained: stage.result as unknown as readonly TrainedSae[] };
}

/** Trains the residual SAE of a boosted arm on what its frozen base misses, and stores base and residual as one SAE. */
export async function trainBoosted(
  session: Session,
  task: { readonly plan: PlannedSae; readonly base: TrainedSae; readonly baseKey: string; readonly source: ActivationSource },
): Promise<{ readonly key: string; readonly trained: TrainedSae }> {
  const { config, run } = session;
  const { plan, base, source } = task;
  const inputs = { training: config.training, boosting: boostingKey(session), plan, source: source.key, base: task.baseKey } as unknown as Json;
  const stage = await run.stage(`train/${plan.name}`, inputs, async (folder) => {
    const baseState = await loadSae(run.file(base.path));
    const baseSae = openSae(baseState);
    const started = performance.now();
    try {
      const spec = residualSpec(session, plan, source);
      const work = { stage: `train ${plan.name}`, folder, specs: [spec], source, epochs: config.boosting.epochs, base: baseSae };
      const [event] = await runTraining(session, work);
      if (event === undefined) throw new SalmonError('no-data', { what: 'The residual SAE saw no batch', where: plan.name });
      const path = join('saes', plan.name);
      await saveSae(stitch(baseState, [event.state]), run.file(path));
      await saveSae(event.state, run.file(join('saes', 'residual', plan.name)));
      const seconds = (performance.now() - started) / 1000;
      return { name: plan.name, path, tokens: event.tokens, steps: event.step, seconds, sharedBy: 1 };
    } finally {
      baseSae.dispose();
    }
  });
  return { key: stage.key, trained: stage.result };
}

/** What of the boosting settings determines a boosted SAE; the sweep beside it does not. */
export function boostingKey({ config }: Session): { readonly latents: number; readonly k: number; readonly epochs: number } {
  const { latents, k, epochs } = config.boosting;
  return { latents, k, epochs };
}

/** The recipe of arXiv 2508.09363 (quadratic target-L0 JumpReLU) at this experiment's size. */
export function jumpReluSpec(session: Session, plan: PlannedSae, source: ActivationSource, epochs = session.config.training.epochs): TrainSpec {
  return {
    id: plan.name,
    sae: jumprelu({ latents: plan.latents, targetL0: plan.targetL0, bandwidth: BANDWIDTH, initThreshold: INIT_THRESHOLD }),
    training: common(session, { plan, source, epochs }),
  };
}

/**
 * Straight-through width and first threshold at this experiment's scale. The published 0.001 assumes d = 2304, 24,000 steps
 * and batches of 2048; with a twentieth of the steps so narrow a band sees too few events per latent (papers' own rule of
 * thumb: batch x density at the threshold x width should not be far below one), and thresholds hardly move.
 */
const BANDWIDTH = 0.03;
const INIT_THRESHOLD = 0.03;

/** BatchTopK without decoder bias, small k (arXiv 2507.12990). */
export function residualSpec(session: Session, plan: PlannedSae, source: ActivationSource, point?: { readonly k: number; readonly steps: number }): TrainSpec {
  const { boosting } = session.config;
  const training = common(session, { plan, source, epochs: boosting.epochs });
  return {
    id: plan.name,
    sae: batchTopK({ latents: boosting.latents, k: point?.k ?? boosting.k, decoderBias: false }),
    training: point === undefined ? training : { ...training, steps: point.steps },
  };
}

function common(session: Session, of: { readonly plan: PlannedSae; readonly source: ActivationSource; readonly epochs: number }): NonNullable<TrainSpec['training']> {
  const { training } = session.config;
  return {
    steps: stepsOf(of.source, training.batch, of.epochs),
    batch: training.batch,
    learningRate: training.learningRate,
    seed: of.plan.seed,
  };
}

function stepsOf(source: ActivationSource, batch: number, epochs: number): number {
  const perEpoch = Math.floor(source.rows / batch);
  if (perEpoch === 0) {
    throw new SalmonError('no-data', {
      what: 'The text is smaller than one training batch',
      where: source.text,
      expected: `at least ${batch} tokens`,
      got: `${source.rows}`,
      todo: 'Use more text or a smaller training.batch',
    });
  }
  return perEpoch * epochs;
}

export interface TrainingWork {
  readonly stage: string;
  readonly folder: string;
  readonly specs: readonly TrainSpec[];
  readonly source: ActivationSource;
  readonly epochs: number;
  /** Stops earlier than the end of the last epoch. */
  readonly steps?: number;
  /** Frozen base: the SAEs learn its error. */
  readonly base?: Sae;
  /** How batches become events; default: `train` on the specs. */
  readonly learn?: (checkpoints: CheckpointStore) => OperatorFunction<ActivationBatch, TrainEvent>;
}

export async function runTraining(session: Session, work: TrainingWork): Promise<readonly Extract<TrainEvent, { kind: 'done' }>[]> {
  const { config } = session;
  const { source, epochs } = work;
  const perEpoch = Math.floor(source.rows / config.training.batch);
  const total = Math.min(perEpoch * epochs, work.steps ?? Infinity);
  const checkpoints = await CheckpointStore.open(join(work.folder, 'checkpoints'), {
    everySteps: Math.max(50, Math.ceil(total / 5)),
    data: { source: source.key, batch: config.training.batch, reservoir: config.training.reservoir },
  });
  const from = checkpoints.step ?? 0;
  const batches = mixedEpochs(session, source, { epochs, perEpoch, from }).pipe(take(total - from));
  const rows = work.base === undefined ? batches : batches.pipe(residualOf(work.base));
  const done: Extract<TrainEvent, { kind: 'done' }>[] = [];
  const learn = work.learn?.(checkpoints) ?? train(work.specs, { checkpoints });
  try {
    await runToEnd(rows.pipe(learn), {
      ...(session.signal === undefined ? {} : { signal: session.signal }),
      onEvent: (event) => {
        // The first steps start from dense codes and overshoot; only later warnings mean something.
        if (event.kind !== 'warning' || event.step > total / 4) session.listener({ kind: 'train', stage: work.stage, event });
        if (event.kind === 'step') session.listener({ kind: 'progress', stage: work.stage, done: event.step, total, unit: 'steps' });
        if (event.kind === 'done') done.push(event);
      },
    });
  } finally {
    // An interruption leaves a last checkpoint on its way to the disk.
    await checkpoints.settled();
  }
  checkpointHere(session);
  return done;
}

/** `epochs` passes over the rows, each in its own seeded order, without the ragged last batch; starts after `from` batches. */
function mixedEpochs(
  session: Session,
  source: ActivationSource,
  { epochs, perEpoch, from }: { readonly epochs: number; readonly perEpoch: number; readonly from: number },
): Observable<ActivationBatch> {
  const { batch } = session.config.training;
  const passes = Array.from({ length: epochs }, (_, epoch) => {
    const skipped = Math.min(perEpoch, Math.max(0, from - epoch * perEpoch));
    return defer(() => source.pass({ seed: epoch, emitted: skipped * batch }));
  });
  const first = Math.min(epochs - 1, Math.floor(from / perEpoch));
  return concat(...passes.slice(first)).pipe(filter((rows) => rows.rows === batch));
}
