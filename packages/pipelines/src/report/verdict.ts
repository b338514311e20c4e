import { formatInterval, formatNumber } from './number-format.js';
import type { ArmFacts, VerdictItem, VerdictMetric } from './report-data.js';

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
  { metric: 'detection', label: 'Interpretability (detection above random directions)', better: 'higher', unit: '' },
];

export interface VerdictOptions {
  readonly first: string;
  readonly second: string;
}

/** The rule itself: who wins a difference, and the sentence that says so. */
export function judge(rule: VerdictRule, arms: readonly ArmFacts[], item: Omit<VerdictItem, 'outcome' | 'text'>): VerdictItem {
  const { value, low, high } = item.difference;
  const label = (arm: string): string => arms.find((facts) => facts.id === arm)?.label ?? arm;
  const at = `at L0 ${formatNumber(item.l0, 'short3')}${item.latents === undefined ? '' : ` with ${formatNumber(item.latents, 'integer')} latents`}`;
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

/** One paragraph from the items, one sentence per metric, width after width where there are several. */
export function verdictParagraph(items: readonly VerdictItem[], arms: readonly ArmFacts[], options: VerdictOptions): string {
  const label = (arm: string): string => arms.find((facts) => facts.id === arm)?.label ?? arm;
  const a = label(options.first);
  const b = label(options.second);
  if (items.length === 0) return `${a} and ${b} cannot be compared: their curves share no range of measured L0.`;
  const l0s = items.map((item) => item.l0);
  const opening = `On held-out domain text, at equal measured L0 between ${formatNumber(Math.min(...l0s), 'short3')} and ${formatNumber(Math.max(...l0s), 'short3')} (differences are ${a} minus ${b}).`;
  const sentences = itemWidths(items).flatMap((latents) => [
    ...(latents === undefined ? [] : [`With ${formatNumber(latents, 'integer')} latents:`]),
    ...verdictRules.flatMap((rule) => {
      const own = items.filter((item) => item.metric === rule.metric && item.latents === latents);
      return own.length === 0 ? [] : [metricSentence(rule, own, { a, b })];
    }),
  ]);
  return [opening, ...sentences].join(' ');
}

/** The widths compared, ascending; one `undefined` where the run has a single one. */
export function itemWidths(items: readonly VerdictItem[]): readonly (number | undefined)[] {
  return [...new Set(items.map(({ latents }) => latents))].sort((x, y) => (x ?? 0) - (y ?? 0));
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
