import type { ArmName, ExperimentConfig } from './config.js';

/** One SAE of the experiment: which arm, on which text, at which point of the grid. */
export interface PlannedSae {
  /** Unique within the run and usable as a folder name, for example `domain-medical-1536-l0_8-s1`. */
  readonly name: string;
  /** `ensemble`: the headline residual SAEs of all domains on one base, made when there are several domains and a boosted arm. */
  readonly arm: ArmName | 'ensemble';
  /** Name of the text it learns from; of the ensemble, all of them joined by +. */
  readonly text: string;
  /** Width of the SAE as evaluated (base and residual together for the boosted arm). */
  readonly latents: number;
  /** Target of the sparsity loss; for the boosted arm that of the base (its residual part adds about k). */
  readonly targetL0: number;
  readonly seed: number;
  /** The broad SAE it starts from (boosted arm and boosting's baselines). */
  readonly base?: string;
  /** The boosted SAEs whose residual parts an ensemble sums. */
  readonly parts?: readonly string[];
  /** True at the headline setting: all seeds, interpretation, overlap. */
  readonly headline: boolean;
  /** Where an SAE that is loaded instead of trained comes from. */
  readonly imported?: string;
}

/**
 * Every SAE the configuration asks for, in the order in which they can be trained (bases first). Seeds other than the
 * first train at the headline setting only, unless the grid says `all`. Boosting and its baselines sit on the headline
 * broad SAE of each seed; the baselines that differ only by initial rows use the first seed.
 */
export function planArms(config: ExperimentConfig): readonly PlannedSae[] {
  const plans: PlannedSae[] = [];
  const { grid } = config;
  const isHeadline = (latents: number, targetL0: number): boolean =>
    latents === grid.headline.latents && targetL0 === grid.headline.targetL0;
  const points = grid.latents.flatMap((latents) => grid.targetL0.map((targetL0) => ({ latents, targetL0 })));
  const addGrid = (arm: ArmName, text: string): void => {
    for (const { latents, targetL0 } of points) {
      const headline = isHeadline(latents, targetL0);
      const seeds = headline || grid.seedsAt === 'all' ? grid.seeds : grid.seeds.slice(0, 1);
      for (const seed of seeds) plans.push({ name: saeName(arm, text, latents, targetL0, seed), arm, text, latents, targetL0, seed, headline });
    }
  };
  if (config.arms.includes('broad')) {
    if (config.broadSaes === undefined) addGrid('broad', config.broad.name);
    else plans.push(...importedPlans(config, config.broadSaes));
  }
  for (const domain of config.domains) {
    if (config.arms.includes('domain')) addGrid('domain', domain.name);
    for (const arm of config.arms) {
      if (arm === 'broad' || arm === 'domain') continue;
      // What boosting is compared with is shown on one domain: further ones would add hours and say the same.
      if (arm !== 'boosted' && domain !== config.domains[0]) continue;
      const seeds = arm === 'boosted' ? grid.seeds : grid.seeds.slice(0, 1);
      for (const { latents, targetL0 } of arm === 'boosted' ? points : [grid.headline]) {
        const headline = isHeadline(latents, targetL0);
        for (const seed of headline ? seeds : seeds.slice(0, 1)) {
          plans.push({
            name: saeName(arm, domain.name, latents, targetL0, seed),
            arm,
            text: domain.name,
            latents: arm === 'boosted' || arm.startsWith('extended') ? latents + config.boosting.latents : latents,
            targetL0,
            seed,
            base: baseOf(config, plans, { latents, targetL0, seed }),
            headline,
          });
        }
      }
    }
  }
  return [...plans, ...ensembles(config, plans)];
}

/** All domains' residual SAEs on one headline base (arXiv 2507.12990, section 3.1), for each seed. */
function ensembles(config: ExperimentConfig, plans: readonly PlannedSae[]): readonly PlannedSae[] {
  if (config.domains.length < 2) return [];
  const { latents, targetL0 } = config.grid.headline;
  return config.grid.seeds.flatMap((seed): readonly PlannedSae[] => {
    const parts = plans.filter((plan) => plan.arm === 'boosted' && plan.headline && plan.seed === seed);
    const base = parts[0]?.base;
    if (base === undefined) return [];
    const text = parts.map((part) => part.text).join('+');
    const width = latents + parts.length * config.boosting.latents;
    return [{ name: `ensemble-${latents}-l0_${targetL0}-s${seed}`, arm: 'ensemble', text, latents: width, targetL0, seed, base, parts: parts.map(({ name }) => name), headline: true }];
  });
}

function saeName(arm: ArmName, text: string, latents: number, targetL0: number, seed: number): string {
  const on = arm === text ? arm : `${arm}-${text}`;
  return `${on}-${latents}-l0_${targetL0}-s${seed}`;
}

/** Loaded SAEs as the broad arm; the one of the headline's width whose L0 is nearest to the headline's is the headline. */
function importedPlans(config: ExperimentConfig, saes: NonNullable<ExperimentConfig['broadSaes']>): readonly PlannedSae[] {
  const { headline, seeds } = config.grid;
  const distance = (l0: number): number => Math.abs(Math.log(l0 / headline.targetL0));
  const nearest = [...saes].filter(({ latents }) => latents === headline.latents).sort((a, b) => distance(a.l0) - distance(b.l0))[0];
  return saes.map((sae) => ({
    name: `broad-loaded-${sae.latents}-l0_${sae.l0}`,
    arm: 'broad',
    text: config.broad.name,
    latents: sae.latents,
    targetL0: sae.l0,
    seed: seeds[0] ?? 0,
    headline: sae === nearest,
    imported: sae.source,
  }));
}

/** The broad SAE that a boosted one sits on: trained at the same point and seed, or the loaded one nearest in L0. */
function baseOf(
  config: ExperimentConfig,
  plans: readonly PlannedSae[],
  point: { readonly latents: number; readonly targetL0: number; readonly seed: number },
): string {
  if (config.broadSaes === undefined) return saeName('broad', config.broad.name, point.latents, point.targetL0, point.seed);
  const broad = plans.filter((plan) => plan.arm === 'broad' && plan.latents === point.latents);
  const distance = (plan: PlannedSae): number => Math.abs(Math.log(plan.targetL0 / point.targetL0));
  return [...broad].sort((a, b) => distance(a) - distance(b))[0]?.name ?? '';
}
