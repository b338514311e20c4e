import { cpus } from 'node:os';
import { densityHistogram, interval } from '@salmon-sae/metrics';
import type { Sampled } from '@salmon-sae/metrics';
import type { ArmFacts, BudgetRow, DensityHistogram, ExtraTable, Measure, MetricKey, ReportData, SaeRow, ScalingSection, TextKind, TextMetrics } from '../report/index.js';
import { verdictParagraph } from '../report/index.js';
import type { ActivationSource } from './activation-source.js';
import { boostingSection } from './boosting-rows.js';
import type { BoostingSweep } from './boosting-sweep.js';
import { cardGroups, domainOnlyCards } from './card-groups.js';
import { compareArms } from './compare-arms.js';
import { compareDetection, detectionOf } from './detection.js';
import { METRIC_DEFINITIONS, METRIC_IDS } from './definitions.js';
import type { InterpretedSae } from './interpret-arms.js';
import type { MeasuredSae, MeasuredText } from './measured.js';
import type { Overlaps } from './overlaps.js';
import type { PlannedSae } from './plan.js';
import type { Session } from './session.js';
import type { TrainedSae } from './train-arms.js';

export interface Outcome {
  readonly plans: readonly PlannedSae[];
  readonly trained: ReadonlyMap<string, { readonly key: string; readonly trained: TrainedSae }>;
  readonly measured: readonly MeasuredText[];
  readonly interpreted: readonly InterpretedSae[];
  readonly overlaps: Overlaps;
  /** By domain. */
  readonly sweeps: Readonly<Record<string, BoostingSweep>>;
  /** SAE -> share of broad tokens on which none of its residual latents fires. */
  readonly silent: Readonly<Record<string, number>>;
  /** Further tables by domain. */
  readonly extras: Readonly<Record<string, readonly ExtraTable[]>>;
  /** By domain. */
  readonly scaling: Readonly<Record<string, ScalingSection>>;
  readonly sources: readonly ActivationSource[];
  readonly facts: RunStamp;
}

export interface RunStamp {
  readonly runId: string;
  readonly created: string;
  readonly wallSeconds: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly command?: string;
}

const ARM_TEXT: Readonly<Record<string, { readonly label: string; readonly description: string }>> = {
  broad: { label: 'Broad', description: 'JumpReLU SAE trained on broad text' },
  domain: { label: 'Domain', description: 'the same trainer, tokens, width and seeds, on domain text only' },
  ensemble: { label: 'Ensemble', description: 'the broad SAE, frozen, plus the residual SAEs of all domains' },
  boosted: { label: 'Boosted', description: 'the broad SAE, frozen, plus a residual SAE that learns its error on domain text' },
  'full-finetune': { label: 'Fine-tuned', description: 'the broad SAE trained on with domain text' },
  'extended-random': { label: 'Extended, random rows', description: 'the broad SAE with new random latents, trained on domain text' },
  'extended-active': { label: 'Extended, active rows', description: 'the broad SAE with copies of its most active latents, trained on domain text' },
  stitched: { label: 'Stitched rows', description: 'the most changed latents of the fine-tuned SAE put into the broad one' },
};

/** The report of one domain against the broad text, from stored measurements only. */
export async function buildReport(session: Session, outcome: Outcome, domainIndex = 0): Promise<ReportData> {
  const { config, backend, model } = session;
  const domain = config.domains[domainIndex] ?? config.domains[0];
  if (domain === undefined) throw new Error('an experiment has at least one domain');
  const plans = outcome.plans.filter((plan) => plan.arm === 'broad' || plan.arm === 'ensemble' || plan.text === domain.name);
  const texts: Readonly<Record<TextKind, MeasuredText | undefined>> = {
    domain: outcome.measured.find((text) => text.text === domain.name),
    broad: outcome.measured.find((text) => text.text === config.broad.name),
  };
  const armNames: readonly string[] = [...config.arms, ...(plans.some((plan) => plan.arm === 'ensemble') ? ['ensemble'] : [])];
  const arms: ArmFacts[] = armNames.map((id) => ({ id, label: ARM_TEXT[id]?.label ?? id, description: ARM_TEXT[id]?.description ?? '' }));
  const saes = plans.map((plan) => saeRow(plan, texts, outcome.interpreted));
  const onDomain = texts.domain?.saes ?? [];
  const items = config.arms.includes('domain') && config.arms.includes('broad')
    ? [
        ...compareArms({ first: 'domain', second: 'broad', arms, plans, measured: onDomain }),
        ...compareDetection({ arms, plans, interpreted: outcome.interpreted, measured: onDomain }),
      ]
    : [];
  const boosting = boostingSection({ config, plans, texts, trained: outcome.trained, sweep: outcome.sweeps[domain.name], silent: outcome.silent });
  const scaling = outcome.scaling[domain.name];
  const only = outcome.overlaps.domainOnly.find((each) => each.domain === domain.name);
  const groups = await cardGroups(session, { plans, interpreted: outcome.interpreted, arms });
  const domainOnly = only === undefined ? undefined : await domainOnlyCards(session, only, outcome.interpreted);
  const source = (name: string): ActivationSource | undefined => outcome.sources.find((each) => each.text === name);
  const textFacts = (kind: TextKind, name: string, title: string): ReportData['run']['texts'][TextKind] => {
    const trainSource = source(name);
    return {
      name: title,
      evalDocuments: texts[kind]?.documents ?? 0,
      evalTokens: texts[kind]?.tokens ?? 0,
      ...(trainSource === undefined ? {} : { trainDocuments: trainSource.documents, trainTokens: trainSource.rows }),
    };
  };
  return {
    version: 1,
    title: config.title,
    summary: `Sparse autoencoders on ${model.info.id}, ${config.model.hook}: does confining an SAE to "${domain.title}" help, and by how much?`,
    run: {
      id: outcome.facts.runId,
      created: outcome.facts.created,
      model: model.info.id,
      hook: config.model.hook,
      width: model.hookWidth(config.model.hook),
      backend: backend.name,
      machine: `${backend.gpu === undefined ? '' : `${backend.gpu}, `}${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`,
      seeds: config.grid.seeds,
      specials: config.specials,
      texts: { domain: textFacts('domain', domain.name, domain.title), broad: textFacts('broad', config.broad.name, config.broad.title) },
      versions: outcome.facts.versions,
      configHash: outcome.facts.runId,
      wallSeconds: outcome.facts.wallSeconds,
      ...(outcome.facts.command === undefined ? {} : { command: outcome.facts.command }),
    },
    arms,
    saes,
    ...(items.length === 0
      ? {}
      : {
          verdict: {
            items,
            paragraph: verdictParagraph(items, arms, { first: 'domain', second: 'broad' }),
            note: `Intervals are 95% percentile intervals of ${config.bootstrap.samples} paired bootstrap draws over held-out documents${config.grid.seeds.length > 1 ? ' and training seeds' : '; one seed, so the spread between training runs is not in them'}; both arms are measured on the same documents and interpolated on log(measured L0) within each draw. Interpretability is compared at the headline setting, as detection score minus that of random directions of equal density; its interval resamples latents.`,
          },
        }),
    densities: densities(plans, texts),
    overlaps: outcome.overlaps.rows.filter((row) => [row.first, row.second].every((name) => plans.some((plan) => plan.name === name))),
    ...(boosting === undefined ? {} : { boosting }),
    paper: { setting: '2b-16k', domainArm: 'domain', broadArm: 'broad' },
    cards: groups,
    ...(domainOnly === undefined ? {} : { domainOnly }),
    ...(scaling === undefined ? {} : { scaling }),
    budgets: budgets(plans, outcome.trained, model.hookWidth(config.model.hook)),
    extras: outcome.extras[domain.name] ?? [],
    definitions: METRIC_DEFINITIONS,
  };
}

function saeRow(plan: PlannedSae, texts: Readonly<Record<TextKind, MeasuredText | undefined>>, interpreted: readonly InterpretedSae[]): SaeRow {
  const measured = (kind: TextKind): TextMetrics | undefined => {
    const sae = texts[kind]?.saes.find((each) => each.sae === plan.name);
    return sae === undefined ? undefined : textMetrics(sae);
  };
  const [domain, broad] = [measured('domain'), measured('broad')];
  const detection = detectionOf(interpreted.find((each) => each.sae === plan.name));
  return {
    sae: plan.name,
    arm: plan.arm,
    latents: plan.latents,
    targetL0: plan.targetL0,
    seed: plan.seed,
    texts: { ...(domain === undefined ? {} : { domain }), ...(broad === undefined ? {} : { broad }) },
    ...detection,
  };
}

function textMetrics(sae: MeasuredSae): TextMetrics {
  const measures = measuresOf(sae.metrics);
  const withBos = measuresOf(sae.withSpecials);
  const { l0, fve } = measures;
  if (l0 === undefined || fve === undefined) throw new Error(`no L0 or variance explained of ${sae.sae}`);
  return { ...measures, l0, fve, withBos };
}

function measuresOf(metrics: Readonly<Record<string, Sampled>>): Partial<Record<MetricKey, Measure>> {
  const out: Partial<Record<MetricKey, Measure>> = {};
  for (const [key, id] of Object.entries(METRIC_IDS)) {
    const sampled = metrics[id];
    if (sampled !== undefined && Number.isFinite(sampled.value)) out[key as MetricKey] = interval(sampled);
  }
  return out;
}

function densities(plans: readonly PlannedSae[], texts: Readonly<Record<TextKind, MeasuredText | undefined>>): readonly DensityHistogram[] {
  const headline = plans.filter((plan) => plan.headline && plan.seed === plans[0]?.seed);
  return headline.flatMap((plan) =>
    (['domain', 'broad'] as const).flatMap((text): DensityHistogram[] => {
      const sae = texts[text]?.saes.find((each) => each.sae === plan.name);
      if (sae === undefined) return [];
      const activity = { tokens: sae.tokens, counts: Float64Array.from(sae.active), mass: new Float64Array(sae.active.length) };
      const histogram = densityHistogram(activity, { perDecade: 4, from: -5 });
      return [{ sae: plan.name, arm: plan.arm, text, edges: Array.from(histogram.edges), counts: Array.from(histogram.latents), silent: histogram.dead }];
    }),
  );
}

function budgets(plans: readonly PlannedSae[], trained: Outcome['trained'], width: number): readonly BudgetRow[] {
  return plans.flatMap((plan): BudgetRow[] => {
    const sae = trained.get(plan.name)?.trained;
    if (sae === undefined) return [];
    // Dense arithmetic of one training step: five products of [tokens x width x latents], two operations each.
    const added = plan.latents - (plans.find((base) => base.name === plan.base)?.latents ?? 0);
    // An ensemble's tokens are those of its parts, each of which trained its share of the added latents.
    const latents = plan.arm === 'boosted' ? added : plan.arm === 'ensemble' ? added / (plan.parts?.length ?? 1) : plan.latents;
    return [{ label: plan.name, arm: plan.arm, latents: plan.latents, tokens: sae.tokens, steps: sae.steps, wallSeconds: sae.seconds / sae.sharedBy, flops: 10 * sae.tokens * width * latents }];
  });
}
