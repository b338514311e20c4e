import { join } from 'node:path';
import { harvest } from '@salmon-sae/activations';
import { stitch } from '@salmon-sae/boosting-residual';
import type { Json } from '@salmon-sae/dataflow';
import { fromPull, run as runToEnd, SalmonError } from '@salmon-sae/dataflow';
import type { ReconstructionEvaluation } from '@salmon-sae/metrics';
import { interval, reconstructionAccumulator } from '@salmon-sae/metrics';
import { loadSae, openSae, saveSae } from '@salmon-sae/sae-core';
import type { BoostingPoint, Measure } from '../report/index.js';
import type { ActivationSource } from './activation-source.js';
import type { CorpusConfig } from './config.js';
import type { PlannedSae } from './plan.js';
import { checkpointHere, withSaes } from './session.js';
import type { Session } from './session.js';
import { heldOut } from './texts.js';
import { boostingKey, residualSpec, runTraining } from './train-arms.js';
import type { TrainedSae } from './train-arms.js';

/** Variance explained by base plus residual SAE as k or the training tokens of the residual SAE vary. */
export interface BoostingSweep {
  readonly byK?: readonly BoostingPoint[];
  readonly byTokens?: readonly BoostingPoint[];
}

export interface SweepTask {
  /** The boosted SAE of the headline, first seed, around which the sweep goes. */
  readonly plan: PlannedSae;
  readonly base: TrainedSae;
  readonly baseKey: string;
  readonly source: ActivationSource;
  readonly domain: CorpusConfig;
}

interface Point {
  readonly name: string;
  readonly k: number;
  readonly steps: number;
}

/** Trains the residual SAEs of `boosting.sweep` and measures each with its base on held-out domain and broad text. */
export async function boostingSweep(session: Session, task: SweepTask): Promise<BoostingSweep> {
  const { config } = session;
  const { sweep } = config.boosting;
  if (sweep === undefined) return {};
  const ofTokens = (tokens: number): Point => pointAt(session, task, { k: config.boosting.k, steps: Math.max(1, Math.round(tokens / config.training.batch)) });
  const whole = Math.floor(task.source.rows / config.training.batch) * config.boosting.epochs;
  const ofK = (k: number): Point => pointAt(session, task, { k, steps: whole });
  const points = [...new Map([...sweep.k.map(ofK), ...sweep.tokens.map(ofTokens)].map((point) => [point.name, point])).values()];
  const keys: string[] = [];
  for (const point of points) {
    checkpointHere(session);
    keys.push(await trainPoint(session, task, point));
  }
  const measured = new Map(Object.entries(await measurePoints(session, task, { points, keys })));
  const at = (x: number, point: Point): BoostingPoint[] => {
    const one = measured.get(point.name);
    return one === undefined ? [] : [{ at: x, ...one }];
  };
  return {
    ...(sweep.k.length === 0 ? {} : { byK: sweep.k.flatMap((k) => at(k, ofK(k))) }),
    ...(sweep.tokens.length === 0 ? {} : { byTokens: sweep.tokens.flatMap((tokens) => at(ofTokens(tokens).steps * config.training.batch, ofTokens(tokens))) }),
  };
}

function pointAt(session: Session, task: SweepTask, { k, steps }: Omit<Point, 'name'>): Point {
  return { name: `${task.plan.name}-k${k}-${steps * session.config.training.batch}`, k, steps };
}

async function trainPoint(session: Session, task: SweepTask, point: Point): Promise<string> {
  const { config, run } = session;
  const { latents } = boostingKey(session);
  const inputs = { training: config.training, latents, point, plan: task.plan, source: task.source.key, base: task.baseKey } as unknown as Json;
  const stage = await run.stage(`sweep/${point.name}`, inputs, async (folder) => {
    const state = await loadSae(run.file(task.base.path));
    const base = openSae(state);
    try {
      const spec = residualSpec(session, task.plan, task.source, point);
      const perEpoch = Math.floor(task.source.rows / config.training.batch);
      const [done] = await runTraining(session, { stage: `sweep ${point.name}`, folder, specs: [spec], source: task.source, epochs: Math.ceil(point.steps / perEpoch), steps: point.steps, base });
      if (done === undefined) throw new SalmonError('no-data', { what: 'The residual SAE saw no batch', where: point.name });
      await saveSae(stitch(state, [done.state]), run.file(pathOf(point)));
      return { tokens: done.tokens };
    } finally {
      base.dispose();
    }
  });
  return stage.key;
}

function pathOf(point: Point): string {
  return join('saes', 'sweep', point.name);
}

interface Measured {
  readonly domainFve: Measure;
  readonly broadFve: Measure;
}

async function measurePoints(
  session: Session,
  task: SweepTask,
  { points, keys }: { readonly points: readonly Point[]; readonly keys: readonly string[] },
): Promise<Readonly<Record<string, Measured>>> {
  const { config, run } = session;
  const inputs = { keys, domain: task.domain, broad: config.broad, model: config.model, modelHash: session.model.info.hash, split: config.split, tokens: config.tokens.eval, bootstrap: config.bootstrap } as unknown as Json;
  const stage = await run.stage(`sweep/${task.domain.name}`, inputs, () =>
    withSaes(points.map((point) => run.file(pathOf(point))), async (open) => {
      const saes = points.map(({ name }, i) => ({ name, sae: open[i]! }));
      const fve = async (corpus: CorpusConfig): Promise<ReconstructionEvaluation> => {
        const accumulator = reconstructionAccumulator(saes, { replicates: config.bootstrap.samples, seed: config.bootstrap.seed });
        const rows = await heldOut(session, corpus, config.tokens.eval);
        await runToEnd(fromPull(() => rows).pipe(harvest(session.model, { hook: config.model.hook, specials: 'exclude' })), {
          onEvent: (batch) => {
            checkpointHere(session);
            accumulator.add(batch);
          },
        });
        return accumulator.value();
      };
      const [onDomain, onBroad] = [await fve(task.domain), await fve(config.broad)];
      const of = (measured: ReconstructionEvaluation, name: string): Measure => {
        const sampled = measured.saes.find(({ sae }) => sae === name)?.metrics['fve_pooled@1'];
        if (sampled === undefined) throw new SalmonError('no-data', { what: 'A point of the boosting sweep was not measured', where: name });
        return interval(sampled);
      };
      return Object.fromEntries(points.map(({ name }) => [name, { domainFve: of(onDomain, name), broadFve: of(onBroad, name) }])) as unknown as Json;
    }),
  );
  return stage.result as unknown as Readonly<Record<string, Measured>>;
}
