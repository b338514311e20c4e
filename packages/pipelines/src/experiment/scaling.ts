import type { Json } from '@salmon-sae/dataflow';
import type { CurvePoint, Sampled } from '@salmon-sae/metrics';
import { acrossSeeds, decoderRedundancy, directionsOf, fitCapacity, fitPowerLaw, interpolateAtL0, interval, selectDirections, sharedL0, sweepExponent } from '@salmon-sae/metrics';
import { loadSae } from '@salmon-sae/sae-core';
import type { ScalingRow, ScalingSection, TextKind } from '../report/index.js';
import { l0Levels } from '../report/index.js';
import type { CorpusConfig } from './config.js';
import type { MeasuredSae, MeasuredText } from './measured.js';
import { liveLatents } from './overlaps.js';
import type { PlannedSae } from './plan.js';
import { checkpointHere } from './session.js';
import type { Session } from './session.js';
import type { TrainedSae } from './train-arms.js';

/** Widths that a power law with a goodness of fit needs. */
export const LEAST_WIDTHS = 3;

const ARMS = ['broad', 'domain', 'boosted'] as const;

interface Inputs {
  readonly plans: readonly PlannedSae[];
  readonly trained: ReadonlyMap<string, { readonly key: string; readonly trained: TrainedSae }>;
  readonly measured: readonly MeasuredText[];
}

/** How the loss falls with the width, per arm and text, at equal measured L0, with the exponents of capacity allocation (arXiv 2509.02565). */
export async function widthScaling(session: Session, domain: CorpusConfig, inputs: Inputs): Promise<ScalingSection> {
  const { config } = session;
  const widths = [...new Set(inputs.plans.filter((plan) => plan.arm === 'broad' || plan.arm === 'domain').map(({ latents }) => latents))];
  if (widths.length < 2) return { widths: widths.length, needed: LEAST_WIDTHS, rows: [] };
  const arms = ARMS.map((arm) => inputs.plans.filter((plan) => plan.arm === arm && inputs.trained.has(plan.name) && (arm === 'broad' || plan.text === domain.name)));
  const directions = await distinctDirections(session, domain, { ...inputs, plans: arms.flat().filter((plan) => plan.seed === config.grid.seeds[0] && plan.targetL0 === config.grid.headline.targetL0) });
  const texts: readonly { readonly kind: TextKind; readonly name: string }[] = [{ kind: 'domain', name: domain.name }, { kind: 'broad', name: config.broad.name }];
  const rows = arms.flatMap((plans) =>
    texts.flatMap(({ kind, name }): readonly ScalingRow[] => {
      const saes = inputs.measured.find((text) => text.text === name)?.saes ?? [];
      const row = scalingRow(plans, saes, directions);
      return row === undefined ? [] : [{ ...row, text: kind }];
    }),
  );
  return { widths: widths.length, needed: LEAST_WIDTHS, rows };
}

/** One arm on one text: each seed that has every width gives a sweep; the exponent is averaged over seeds. */
export function scalingRow(plans: readonly PlannedSae[], saes: readonly MeasuredSae[], directions: Readonly<Record<string, number>>): Omit<ScalingRow, 'text'> | undefined {
  const widths = [...new Set(plans.map(({ latents }) => latents))].sort((a, b) => a - b);
  const sweeps = [...new Set(plans.map(({ seed }) => seed))].flatMap((seed) => {
    const curves = widths.map((latents) => curveOf(plans.filter((plan) => plan.seed === seed && plan.latents === latents), saes));
    return curves.every((curve) => curve.length > 0) ? [{ seed, curves }] : [];
  });
  const arm = plans[0]?.arm;
  const first = sweeps[0];
  if (widths.length < 2 || arm === undefined || first === undefined) return undefined;
  const range = sharedL0(sweeps.flatMap(({ curves }) => curves));
  const l0 = range === undefined ? undefined : l0Levels({ from: range[0], to: range[1] }).find(({ level }) => level === 'mid')?.l0;
  // Without a shared range (one target L0) the points are taken at the headline target, each at its own L0.
  const read = (curve: readonly CurvePoint[]): CurvePoint | undefined => (l0 === undefined ? curve[0] : { l0: (curve[0] as CurvePoint).l0, metric: interpolateAtL0(curve, l0) });
  const perWidth = widths.map((_, w) => sweeps.flatMap(({ curves }) => read(curves[w] ?? []) ?? []));
  const loss = perWidth.map((points) => acrossSeeds(points.map(({ metric }) => metric)));
  const exponent = acrossSeeds(sweeps.map((_, s) => sweepExponent(widths, perWidth.map((points) => (points[s] as CurvePoint).metric))));
  const law = fitPowerLaw(widths, loss.map(({ value }) => value));
  const distinct = widths.map((latents) => plans.flatMap((plan) => (plan.latents === latents ? (directions[plan.name] ?? []) : []))[0]);
  const known = distinct.filter((count) => count !== undefined);
  const fit = widths.length >= LEAST_WIDTHS && known.length === widths.length && known.every((count) => count > 0) ? fitCapacity({ widths, loss: loss.map(({ value }) => value), directions: known }) : undefined;
  return {
    arm,
    seeds: sweeps.length,
    ...(l0 === undefined ? {} : { l0 }),
    points: widths.map((latents, w) => ({
      latents,
      l0: l0 ?? perWidth[w]?.[0]?.l0.value ?? 0,
      loss: interval(loss[w] as Sampled),
      ...(distinct[w] === undefined ? {} : { directions: distinct[w] }),
      ...(fit === undefined ? {} : { predicted: fit.predicted[w] as number }),
    })),
    exponent: interval(exponent),
    coefficient: law.coefficient,
    ...(widths.length < LEAST_WIDTHS ? {} : { r2: law.r2 }),
    ...(fit === undefined ? {} : { capacity: { regime: fit.regime, alpha: fit.alpha, ...(fit.beta === undefined ? {} : { beta: fit.beta }), directionsExponent: fit.directionsExponent } }),
  };
}

/** The points of one width and seed in the draws of the unexplained variance; the headline target first where L0 is not shared. */
function curveOf(plans: readonly PlannedSae[], saes: readonly MeasuredSae[]): readonly CurvePoint[] {
  return [...plans]
    .sort((a, b) => Number(b.headline) - Number(a.headline))
    .flatMap((plan) => {
      const metrics = saes.find(({ sae }) => sae === plan.name)?.metrics;
      const [l0, metric] = [metrics?.['l0@1'], metrics?.['fvu_pooled@1']];
      return l0 === undefined || metric === undefined || !(metric.value > 0) ? [] : [{ l0, metric }];
    });
}

/** SAE -> live latents whose decoder row has no near-copy among the others: what stands in for the number of features discovered. */
async function distinctDirections(session: Session, domain: CorpusConfig, inputs: Inputs): Promise<Readonly<Record<string, number>>> {
  const { run } = session;
  const texts = [session.config.broad.name, domain.name];
  const measured = inputs.measured.filter(({ text }) => texts.includes(text));
  const key = { saes: inputs.plans.map(({ name }) => [name, inputs.trained.get(name)?.key]), texts, tokens: session.config.tokens.eval, model: session.config.model, modelHash: session.model.info.hash, split: session.config.split };
  const stage = await run.stage(`scaling/${domain.name}`, key as unknown as Json, async () => {
    const found: Record<string, number> = {};
    for (const { name } of inputs.plans) {
      checkpointHere(session);
      const live = liveLatents(measured, name);
      const state = await loadSae(run.file(inputs.trained.get(name)?.trained.path ?? ''));
      found[name] = live.length < 2 ? live.length : Math.round(live.length * (1 - decoderRedundancy(selectDirections(directionsOf(state), live)).share));
      session.listener({ kind: 'progress', stage: `scaling ${domain.name}`, done: Object.keys(found).length, total: inputs.plans.length, unit: 'SAEs', note: '' });
    }
    return found;
  });
  return stage.result;
}
