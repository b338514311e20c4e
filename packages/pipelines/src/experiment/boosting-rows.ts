import type { Sampled } from '@salmon-sae/metrics';
import { interval, pairedDifference } from '@salmon-sae/metrics';
import type { BoostingMeasures, BoostingRow, BoostingSection, TextKind } from '../report/index.js';
import type { ExperimentConfig } from './config.js';
import type { BoostingSweep } from './boosting-sweep.js';
import type { MeasuredSae, MeasuredText } from './measured.js';
import type { PlannedSae } from './plan.js';
import type { TrainedSae } from './train-arms.js';

interface Inputs {
  readonly config: ExperimentConfig;
  readonly plans: readonly PlannedSae[];
  readonly texts: Readonly<Record<TextKind, MeasuredText | undefined>>;
  readonly trained: ReadonlyMap<string, { readonly trained: TrainedSae }>;
  readonly sweep?: BoostingSweep | undefined;
  /** SAE -> share of broad tokens on which none of its residual latents fires. */
  readonly silent: Readonly<Record<string, number>>;
}

/** What boosting and its baselines change against their common base, at the headline setting of the first seed, paired by document. */
export function boostingSection(inputs: Inputs): BoostingSection | undefined {
  const seed = inputs.config.grid.seeds[0];
  const own = inputs.plans.filter((plan) => plan.headline && plan.seed === seed && plan.base !== undefined);
  const base = inputs.plans.find((plan) => plan.name === own[0]?.base);
  if (base === undefined) return undefined;
  const rows = [base, ...own].flatMap((plan): BoostingRow[] => {
    const [domain, broad] = [measures(inputs, plan, 'domain'), measures(inputs, plan, 'broad')];
    if (domain === undefined || broad === undefined) return [];
    const tokens = inputs.trained.get(plan.name)?.trained.tokens;
    const role = plan === base ? 'base' : plan.arm === 'boosted' || plan.arm === 'ensemble' ? 'boosted' : 'baseline';
    const silentBroad = inputs.silent[plan.name];
    return [{ method: plan.arm, role, latents: plan.latents, ...(tokens === undefined ? {} : { tokens }), domain, broad, ...(silentBroad === undefined ? {} : { silentBroad }) }];
  });
  return { base: base.name, rows, ...inputs.sweep };
}

function measures(inputs: Inputs, plan: PlannedSae, text: TextKind): BoostingMeasures | undefined {
  const find = (name: string | undefined): MeasuredSae | undefined => inputs.texts[text]?.saes.find((sae) => sae.sae === name);
  const [own, base] = [find(plan.name), find(plan.base)];
  const [l0, fve, deltaCe] = [own?.metrics['l0@1'], own?.metrics['fve_pooled@1'], own?.metrics['delta_ce@1']];
  if (l0 === undefined || fve === undefined) return undefined;
  const change = (mine: Sampled | undefined, theirs: Sampled | undefined): ReturnType<typeof interval> | undefined =>
    mine === undefined || theirs === undefined ? undefined : interval(pairedDifference(mine, theirs));
  const fveChange = change(fve, base?.metrics['fve_pooled@1']);
  const deltaCeChange = change(deltaCe, base?.metrics['delta_ce@1']);
  return {
    l0: interval(l0),
    fve: interval(fve),
    ...(deltaCe === undefined ? {} : { deltaCe: interval(deltaCe) }),
    ...(fveChange === undefined ? {} : { fveChange }),
    ...(deltaCeChange === undefined ? {} : { deltaCeChange }),
  };
}
