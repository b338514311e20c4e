import { commonRange, interpolateAt, l0Levels } from './curve.js';
import type { CurvePoint } from './curve.js';
import { matchedDifference } from './difference.js';
import type { MeasuredPair } from './difference.js';
import { formatInterval, formatNumber } from './number-format.js';
import type { ArmFacts, L0Level, SaeRow, TextKind, Verdict, VerdictItem, VerdictMetric } from './report-data.js';
import { curvesBySeed, withShiftedSeeds } from './verdict-curves.js';
import type { SeedCurves } from './verdict-curves.js';

export interface VerdictRule {
  readonly metric: VerdictMetric;
  readonly label: string;
  readonly better: 'higher' | 'lower';
  readonly unit: string;
}

/** What the verdict is about; the order is the order of the report. */
export const verdictRules: readonly VerdictRule[] = [
  { metric: 'fve', label: 'Variance explained', better: 'higher', unit: '' },
  { metric: 'deltaCe', label: 'Loss added (delta CE)', better: 'lower', unit: 'nats/token' },
  { metric: 'darkR2Vector', label: 'Linear residual (R² of the error)', better: 'lower', unit: '' },
  { metric: 'liveShare', label: 'Live latents', better: 'higher', unit: '' },
  { metric: 'detection', label: 'Detection score of explanations', better: 'higher', unit: '' },
];

export interface VerdictOptions {
  readonly first: string;
  readonly second: string;
  readonly text?: TextKind;
}

/** Arms with one SAE per seed cannot be interpolated; they are compared as they are when every L0 lies within this factor of the mean. */
const singlePointTolerance = 1.25;

/**
 * Compares two arms on one held-out text at equal measured L0, by fixed rules: each arm's curve is interpolated on log(measured L0); the levels are
 * the ends and the geometric mean of the range that all curves of both arms cover; seeds are paired, and a seed
 * trained at one setting only counts as a vertical shift of its arm's curve; a difference whose 95% interval covers 0 is
 * "no difference found"; a difference without an interval is shown but not judged. Metrics that no row has are left out.
 */
export function verdict(saes: readonly SaeRow[], arms: readonly ArmFacts[], options: VerdictOptions): Verdict {
  const items = verdictRules.flatMap((rule) => compareArms(saes, arms, { ...options, rule }));
  return { items, paragraph: verdictParagraph(items, arms, options), note: intervalNote(saes, options) };
}

interface Comparison extends VerdictOptions {
  readonly rule: VerdictRule;
}

function compareArms(saes: readonly SaeRow[], arms: readonly ArmFacts[], options: Comparison): readonly VerdictItem[] {
  const text = options.text ?? 'domain';
  const curves = (arm: string): SeedCurves => withShiftedSeeds(curvesBySeed(saes, { arm, metric: options.rule.metric, text }));
  const first = curves(options.first);
  const second = curves(options.second);
  const shared = [...first.keys()].filter((seed) => second.has(seed)).map((seed) => ({ first: first.get(seed)!, second: second.get(seed)! }));
  return matchedPoints(shared).map(({ level, l0, pairs }) => {
    const mean = (side: 'first' | 'second'): number => pairs.reduce((sum, pair) => sum + pair[side].value, 0) / pairs.length;
    return judge(options.rule, arms, {
      metric: options.rule.metric,
      level,
      l0,
      first: { arm: options.first, value: mean('first') },
      second: { arm: options.second, value: mean('second') },
      difference: matchedDifference(pairs),
    });
  });
}

interface MatchedPoint {
  readonly level: L0Level;
  readonly l0: number;
  readonly pairs: readonly MeasuredPair[];
}

/** L0 values at which the two arms can be compared, with what each seed measured there. */
function matchedPoints(seeds: readonly { readonly first: readonly CurvePoint[]; readonly second: readonly CurvePoint[] }[]): readonly MatchedPoint[] {
  if (seeds.length === 0) return [];
  const range = commonRange(seeds.flatMap(({ first, second }) => [first, second]));
  if (range !== undefined) {
    return l0Levels(range).map(({ level, l0 }) => ({ level, l0, pairs: seeds.map(({ first, second }) => ({ first: interpolateAt(first, l0)!, second: interpolateAt(second, l0)! })) }));
  }
  const points = seeds.flatMap(({ first, second }) => [...first, ...second]);
  if (points.length !== 2 * seeds.length) return [];
  const l0 = Math.exp(points.reduce((sum, point) => sum + Math.log(point.l0), 0) / points.length);
  if (points.some((point) => Math.abs(Math.log(point.l0 / l0)) > Math.log(singlePointTolerance))) return [];
  return [{ level: 'mid', l0, pairs: seeds.map(({ first, second }) => ({ first: first[0]!.measure, second: second[0]!.measure })) }];
}

/** The rule itself: who wins a difference, and the sentence that says so. */
export function judge(rule: VerdictRule, arms: readonly ArmFacts[], item: Omit<VerdictItem, 'outcome' | 'text'>): VerdictItem {
  const { value, low, high } = item.difference;
  const label = (arm: string): string => arms.find((facts) => facts.id === arm)?.label ?? arm;
  const at = `at L0 ${formatNumber(item.l0, 'short3')}`;
  const unit = rule.unit === '' ? '' : ` ${rule.unit}`;
  const size = `${formatNumber(value, 'signed4')}${unit}`;
  const interval = formatInterval(item.difference, 'signed4');
  if (low === undefined || high === undefined || interval === undefined) {
    return { ...item, outcome: 'untested', text: `${rule.label} ${at}: ${size}, not judged because it has no interval.` };
  }
  if (low <= 0 && high >= 0) {
    return { ...item, outcome: 'none', text: `${rule.label} ${at}: no difference found (${size}, 95% interval ${interval}).` };
  }
  const firstWins = value > 0 === (rule.better === 'higher');
  const winner = label(firstWins ? item.first.arm : item.second.arm);
  return { ...item, outcome: firstWins ? 'first' : 'second', text: `${rule.label} ${at}: ${winner} is better by ${size} (95% interval ${interval}).` };
}

/** One paragraph from the items, one sentence per metric. */
export function verdictParagraph(items: readonly VerdictItem[], arms: readonly ArmFacts[], options: VerdictOptions): string {
  const label = (arm: string): string => arms.find((facts) => facts.id === arm)?.label ?? arm;
  const a = label(options.first);
  const b = label(options.second);
  if (items.length === 0) return `${a} and ${b} cannot be compared: their curves share no range of measured L0.`;
  const text = options.text ?? 'domain';
  const l0s = items.map((item) => item.l0);
  const opening = `On held-out ${text} text, at equal measured L0 between ${formatNumber(Math.min(...l0s), 'short3')} and ${formatNumber(Math.max(...l0s), 'short3')} (differences are ${a} minus ${b}).`;
  const sentences = verdictRules.flatMap((rule) => {
    const own = items.filter((item) => item.metric === rule.metric);
    return own.length === 0 ? [] : [metricSentence(rule, own, { a, b })];
  });
  return [opening, ...sentences].join(' ');
}

function metricSentence(rule: VerdictRule, items: readonly VerdictItem[], { a, b }: { readonly a: string; readonly b: string }): string {
  const l0 = (item: VerdictItem): string => `L0 ${formatNumber(item.l0, 'short3')}`;
  const sizes = (own: readonly VerdictItem[]): string => listed(own.map((item) => `${formatNumber(item.difference.value, 'signed3')} at ${l0(item)}`));
  const unit = rule.unit === '' ? '' : ` (${rule.unit})`;
  const parts = (['first', 'second', 'none', 'untested'] as const).flatMap((outcome) => {
    const own = items.filter((item) => item.outcome === outcome);
    if (own.length === 0) return [];
    if (outcome === 'none') return [`no difference found at ${listed(own.map(l0))}`];
    if (outcome === 'untested') return [`not judged for want of an interval (${sizes(own)})`];
    return [`${outcome === 'first' ? a : b} is better (${sizes(own)})`];
  });
  return `${rule.label}${unit}: ${parts.join('; ')}.`;
}

/** "a, b and c". */
function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)!}`;
}

function intervalNote(saes: readonly SaeRow[], { first, second }: VerdictOptions): string {
  const seedsOf = (arm: string): ReadonlySet<number | undefined> => new Set(saes.filter((row) => row.arm === arm).map((row) => row.seed));
  const shared = [...seedsOf(first)].filter((seed) => seedsOf(second).has(seed)).length;
  const common =
    'Intervals are 95%. The text part comes from the rows’ own document bootstrap, the two arms taken as independent, which overstates it: both arms were measured on the same documents.';
  return shared > 1
    ? `${common} The seed part is Student’s t over the ${shared} paired seeds, a seed trained at one setting counting as a shift of its arm’s curve. Both are added in quadrature.`
    : `${common} There is one seed, so the spread between training runs is not in the interval.`;
}

