import type { CurvePoint, Sampled } from '@salmon-sae/metrics';
import { acrossSeeds, interpolateAtL0, interval, pairedDifference, sharedL0 } from '@salmon-sae/metrics';
import type { ArmFacts, VerdictItem, VerdictMetric, VerdictRule } from '../report/index.js';
import { judge, l0Levels, verdictRules } from '../report/index.js';
import type { MeasuredSae } from './measured.js';
import type { PlannedSae } from './plan.js';

/** Which stored metric each line of the verdict reads. */
export const VERDICT_METRIC_IDS: Readonly<Record<Exclude<VerdictMetric, 'detection'>, string>> = {
  fve: 'fve_pooled@1',
  deltaCe: 'delta_ce@1',
  darkR2Vector: 'dark_r2_vector_pooled@1',
  liveShare: 'latents_live@1',
};

export interface ArmsToCompare {
  readonly first: string;
  readonly second: string;
  readonly arms: readonly ArmFacts[];
  readonly plans: readonly PlannedSae[];
  readonly measured: readonly MeasuredSae[];
}

/** Arms with one SAE per seed make no curve; they are compared as they are when every L0 lies within this factor of the mean. */
const SINGLE_POINT = 1.25;

/**
 * The comparison of two arms on one held-out text, width by width, at equal measured L0 and with paired draws: for each metric and level,
 * each seed's two curves are interpolated on log(measured L0) within every bootstrap replicate (both arms on the same documents),
 * subtracted, and averaged over seeds by a two-level bootstrap (documents and seeds).
 */
export function compareArms(task: ArmsToCompare): readonly VerdictItem[] {
  const shared = sharedWidths(task.plans, task.first, task.second);
  return shared.flatMap((latents) => {
    const own = { ...task, plans: task.plans.filter((plan) => plan.latents === latents) };
    const items = verdictRules.flatMap((rule) => (rule.metric === 'detection' ? [] : compareMetric(own, rule, VERDICT_METRIC_IDS[rule.metric])));
    return items.map(({ rule, ...item }) => judge(rule, task.arms, shared.length === 1 ? item : { ...item, latents }));
  });
}

/** Numbers of latents that both arms have, ascending. */
export function sharedWidths(plans: readonly PlannedSae[], first: string, second: string): readonly number[] {
  const widths = (arm: string): ReadonlySet<number> => new Set(plans.filter((plan) => plan.arm === arm).map(({ latents }) => latents));
  return [...widths(first)].filter((latents) => widths(second).has(latents)).sort((a, b) => a - b);
}

type Compared = Parameters<typeof judge>[2] & { readonly rule: VerdictRule };

function compareMetric(task: ArmsToCompare, rule: VerdictRule, metric: string): readonly Compared[] {
  const first = curvesBySeed(task, task.first, metric);
  const second = curvesBySeed(task, task.second, metric);
  const pairs = [...first].flatMap(([seed, a]) => {
    const b = second.get(seed);
    return b === undefined ? [] : [{ a, b }];
  });
  return comparable(pairs).map(({ level, l0, read }) => {
    const values = pairs.map(({ a, b }) => ({ a: read(a), b: read(b) }));
    const difference = acrossSeeds(values.map(({ a, b }) => pairedDifference(a, b)));
    const mean = (side: 'a' | 'b'): number => values.reduce((sum, pair) => sum + pair[side].value, 0) / values.length;
    return { rule, metric: rule.metric, level, l0, first: { arm: task.first, value: mean('a') }, second: { arm: task.second, value: mean('b') }, difference: interval(difference) };
  });
}

interface Comparable {
  readonly level: VerdictItem['level'];
  readonly l0: number;
  read(curve: readonly CurvePoint[]): Sampled;
}

/** The measured L0 at which all curves can be read. */
function comparable(pairs: readonly { readonly a: readonly CurvePoint[]; readonly b: readonly CurvePoint[] }[]): readonly Comparable[] {
  const curves = pairs.flatMap(({ a, b }) => [a, b]);
  if (curves.length === 0) return [];
  const range = sharedL0(curves);
  if (range !== undefined) return l0Levels({ from: range[0], to: range[1] }).map(({ level, l0 }) => ({ level, l0, read: (curve) => interpolateAtL0(curve, l0) }));
  if (curves.some((curve) => curve.length !== 1)) return [];
  const points = curves.flat();
  const l0 = Math.exp(points.reduce((sum, point) => sum + Math.log(point.l0.value), 0) / points.length);
  if (points.some((point) => Math.abs(Math.log(point.l0.value / l0)) > Math.log(SINGLE_POINT))) return [];
  return [{ level: 'mid', l0, read: (curve) => (curve[0] as CurvePoint).metric }];
}

/**
 * seed -> curve of one arm. Seeds that trained only some points of the grid (the headline) borrow the first seed's others, so
 * that the spread between seeds enters where it was measured, and nowhere else.
 */
function curvesBySeed(task: ArmsToCompare, arm: string, metric: string): ReadonlyMap<number, readonly CurvePoint[]> {
  const points = task.plans.flatMap((plan) => {
    if (plan.arm !== arm) return [];
    const metrics = task.measured.find((sae) => sae.sae === plan.name)?.metrics;
    const l0 = metrics?.['l0@1'];
    const value: Sampled | undefined = metrics?.[metric];
    return l0 === undefined || value === undefined ? [] : [{ plan, point: { l0: drawnWith(l0, value), metric: value } }];
  });
  const first = points[0]?.plan.seed;
  const gridPoint = ({ latents, targetL0 }: PlannedSae): string => `${latents}/${targetL0}`;
  const seeds = [...new Set(points.map(({ plan }) => plan.seed))];
  return new Map(
    seeds.map((seed) => {
      const own = points.filter(({ plan }) => plan.seed === seed);
      const have = new Set(own.map(({ plan }) => gridPoint(plan)));
      const borrowed = points.filter(({ plan }) => plan.seed === first && !have.has(gridPoint(plan)));
      return [seed, [...own, ...borrowed].map(({ point }) => point)];
    }),
  );
}

/**
 * L0 in the draws of another metric. Loss is measured on fewer documents than L0: then L0 enters as the fixed number it was
 * measured to be on the larger set, whose own uncertainty is far below that of the loss.
 */
function drawnWith(l0: Sampled, metric: Sampled): Sampled {
  if (l0.key === metric.key) return l0;
  return { ...l0, samples: metric.samples.map(() => l0.value), key: metric.key };
}
