import { join } from 'node:path';
import { extendedMostActive, extendedRandom, fullFineTuning, stitchMostChanged, trainBaseline } from '@salmon-sae/boosting-residual';
import type { BaselinePlan } from '@salmon-sae/boosting-residual';
import type { Json, SaeState } from '@salmon-sae/dataflow';
import { run as runToEnd, SalmonError } from '@salmon-sae/dataflow';
import { latentActivity } from '@salmon-sae/metrics';
import { loadSae, openSae, saveSae } from '@salmon-sae/sae-core';
import { take } from 'rxjs';
import type { ActivationSource } from './activation-source.js';
import type { PlannedSae } from './plan.js';
import type { Session } from './session.js';
import { boostingKey, jumpReluSpec, runTraining } from './train-arms.js';
import type { TrainedSae } from './train-arms.js';

interface BaselineTask {
  readonly plan: PlannedSae;
  readonly base: TrainedSae;
  readonly baseKey: string;
  readonly source: ActivationSource;
}

/** One of the four baselines of SAE Boost (arXiv 2507.12990), with as many new latents and tokens as the residual SAE gets. */
export async function trainBoostingBaseline(session: Session, task: BaselineTask): Promise<{ readonly key: string; readonly trained: TrainedSae }> {
  const { config, run } = session;
  const { plan, source } = task;
  const inputs = { training: config.training, boosting: boostingKey(session), plan, source: source.key, base: task.baseKey } as unknown as Json;
  const stage = await run.stage(`train/${plan.name}`, inputs, async (folder) => {
    const started = performance.now();
    const base = await loadSae(run.file(task.base.path));
    const way = await baselineOf(session, task, base);
    // Rows extended by training keep the base's sparsity; a target of the base's own keeps the penalty where it was.
    const spec = jumpReluSpec(session, plan, source, config.boosting.epochs);
    const [event] = await runTraining(session, {
      stage: `train ${plan.name}`,
      folder,
      specs: [spec],
      source,
      epochs: config.boosting.epochs,
      learn: (checkpoints) => trainBaseline(way, spec, { checkpoints }),
    });
    if (event === undefined) throw new SalmonError('no-data', { what: 'The baseline saw no batch', where: plan.name });
    const state = plan.arm === 'stitched' ? stitchMostChanged(base, event.state, { latents: config.boosting.latents }) : event.state;
    const path = join('saes', plan.name);
    await saveSae(state, run.file(path));
    return { name: plan.name, path, tokens: event.tokens, steps: event.step, seconds: (performance.now() - started) / 1000, sharedBy: 1 };
  });
  return { key: stage.key, trained: stage.result };
}

async function baselineOf(session: Session, task: BaselineTask, base: SaeState): Promise<BaselinePlan> {
  const { boosting } = session.config;
  const size = { latents: boosting.latents, seed: task.plan.seed };
  switch (task.plan.arm) {
    case 'extended-random':
      return extendedRandom(base, size);
    case 'extended-active':
      return extendedMostActive(base, await domainActivity(task.source, base), size);
    default:
      return fullFineTuning(base);
  }
}

/** How often each base latent fires on the first fifty batches of domain text. */
async function domainActivity(source: ActivationSource, base: SaeState): Promise<Float64Array> {
  const sae = openSae(base);
  try {
    const activity = await runToEnd(source.pass({ seed: 0, emitted: 0 }).pipe(take(50), latentActivity(sae)));
    if (activity === undefined) throw new SalmonError('no-data', { what: 'The domain text has no activations', where: source.text });
    return activity.counts;
  } finally {
    sae.dispose();
  }
}
