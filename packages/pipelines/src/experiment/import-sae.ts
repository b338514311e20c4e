import { join } from 'node:path';
import type { Json } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { loadSae, saveSae } from '@salmon-sae/sae-core';
import type { PlannedSae } from './plan.js';
import type { Session } from './session.js';
import type { TrainedSae } from './train-arms.js';

/** Takes a trained SAE (Gemma Scope, say) into the run; it counts as no training of ours. */
export async function importSae(session: Session, plan: PlannedSae): Promise<{ readonly key: string; readonly trained: TrainedSae }> {
  const { run, model, config } = session;
  const stage = await run.stage(`import/${plan.name}`, { plan } as unknown as Json, async () => {
    const state = await loadSae(plan.imported ?? '');
    const width = state.weights['W_dec']?.shape[1];
    const expected = model.hookWidth(config.model.hook);
    if (width !== expected) {
      throw new SalmonError('bad-shape', { what: 'The loaded SAE does not fit the hook', where: plan.imported ?? plan.name, expected: `width ${expected} (${config.model.hook})`, got: `width ${width ?? 'unknown'}` });
    }
    const path = join('saes', plan.name);
    await saveSae({ ...state, site: { ...state.site, hook: config.model.hook, width: expected } }, run.file(path));
    return { name: plan.name, path, tokens: 0, steps: 0, seconds: 0, sharedBy: 1 };
  });
  return { key: stage.key, trained: stage.result };
}
