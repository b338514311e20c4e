import { join } from 'node:path';
import { stitch } from '@salmon-sae/boosting-residual';
import type { Json } from '@salmon-sae/dataflow';
import { loadSae, saveSae } from '@salmon-sae/sae-core';
import type { PlannedSae } from './plan.js';
import type { Session } from './session.js';
import type { TrainedSae } from './train-arms.js';

interface Part {
  readonly key: string;
  readonly trained: TrainedSae;
}

/** The residual SAEs of several domains on their common base as one SAE (arXiv 2507.12990, section 3.1); no further training. */
export async function makeEnsemble(session: Session, task: { readonly plan: PlannedSae; readonly base: Part; readonly parts: readonly Part[] }): Promise<Part> {
  const { run } = session;
  const { plan, base, parts } = task;
  const inputs = { plan, base: base.key, parts: parts.map(({ key }) => key) } as unknown as Json;
  const stage = await run.stage(`ensemble/${plan.name}`, inputs, async () => {
    const residuals = await Promise.all(parts.map(({ trained }) => loadSae(run.file(join('saes', 'residual', trained.name)))));
    const path = join('saes', plan.name);
    await saveSae(stitch(await loadSae(run.file(base.trained.path)), residuals), run.file(path));
    const sum = (of: (sae: TrainedSae) => number): number => parts.reduce((total, { trained }) => total + of(trained), 0);
    return { name: plan.name, path, tokens: sum((sae) => sae.tokens), steps: sum((sae) => sae.steps), seconds: sum((sae) => sae.seconds / sae.sharedBy), sharedBy: 1 };
  });
  return { key: stage.key, trained: stage.result };
}
