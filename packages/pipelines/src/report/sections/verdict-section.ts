import type { ReportSection } from '../document.js';
import type { ReportData } from '../report-data.js';
import { verdictRules } from '../verdict.js';

/** The verdict: paragraph, overview, table. */
export function verdictSection(data: ReportData): ReportSection | undefined {
  const { verdict } = data;
  if (verdict === undefined) return undefined;
  const label = (arm: string): string => data.arms.find((facts) => facts.id === arm)?.label ?? arm;
  const first = verdict.items[0];
  return {
    id: 'verdict',
    title: 'Verdict',
    blocks: [
      { kind: 'paragraph', role: 'lead', text: verdict.paragraph },
      ...(first === undefined
        ? []
        : [
            { kind: 'verdict' as const, items: verdict.items, armLabel: Object.fromEntries(data.arms.map((arm) => [arm.id, arm.label])) },
            {
              kind: 'table' as const,
              id: 'verdict',
              title: 'Every comparison',
              caption: `Arms compared on the evaluation text at equal measured L0. Difference: ${label(first.first.arm)} minus ${label(first.second.arm)}, with its 95% interval; an interval that covers 0 means that no difference was found.`,
              columns: [
                { id: 'metric', label: 'Metric', heading: true },
                { id: 'better', label: 'Better is' },
                ...(first.latents === undefined ? [] : [{ id: 'latents', label: 'Latents', format: 'integer' as const }]),
                { id: 'level', label: 'Sparsity' },
                { id: 'l0', label: 'L0', format: 'short3' as const },
                { id: 'first', label: label(first.first.arm), format: 'fixed4' as const },
                { id: 'second', label: label(first.second.arm), format: 'fixed4' as const },
                { id: 'difference', label: 'Difference', format: 'signed4' as const },
                { id: 'winner', label: 'Better' },
              ],
              rows: verdict.items.map((item) => {
                const rule = verdictRules.find((candidate) => candidate.metric === item.metric);
                const winner = { first: label(item.first.arm), second: label(item.second.arm), none: 'no difference found', untested: 'not judged' }[item.outcome];
                return [rule === undefined ? item.metric : rule.unit === '' ? rule.label : `${rule.label}, ${rule.unit}`, rule?.better ?? '', ...(first.latents === undefined ? [] : [item.latents ?? null]), item.level, item.l0, item.first.value, item.second.value, item.difference, winner];
              }),
            },
          ]),
      { kind: 'paragraph', role: 'note', text: verdict.note },
    ],
  };
}
