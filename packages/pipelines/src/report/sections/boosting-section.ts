import type { Column, ReportSection, Table } from '../document.js';
import { panelName } from '../figures/metric-curves.js';
import { boostingSeries, boostingTradeOff } from '../figures/boosting-plots.js';
import type { BoostingSection, ReportData, TextKind } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** Boosting a frozen base against the four other ways to adapt it. */
export function boostingReport(data: ReportData): ReportSection | undefined {
  if (data.boosting === undefined) return undefined;
  const named = (method: string): string => data.arms.find((arm) => arm.id === method)?.label ?? method;
  const boosting = { ...data.boosting, rows: data.boosting.rows.map((row) => ({ ...row, method: named(row.method) })) };
  return sectionOf('boosting', 'Boosting: adding a domain to a frozen SAE', [
    boostingTradeOff(boosting),
    boostingTable(boosting, 'domain'),
    boostingTable(boosting, 'broad'),
    boostingSeries(boosting.byTokens ?? [], {
      id: 'boosting-tokens',
      title: 'Tokens that boosting needs',
      axis: 'domain tokens the residual SAE was trained on (log scale)',
      caption: 'Variance explained by base plus residual SAE as the residual SAE sees more domain text.',
    }),
    boostingSeries(boosting.byK ?? [], {
      id: 'boosting-k',
      title: 'Effect of k',
      axis: 'k: residual latents active per token in training (log scale)',
      caption: 'Variance explained by base plus residual SAE for several k. The published choice is 5.',
    }),
  ]);
}

/** The methods on one text, with their changes against the base. */
function boostingTable({ base, rows }: BoostingSection, text: TextKind): Table {
  const columns: readonly Column[] = [
    { id: 'method', label: 'Method', heading: true },
    { id: 'latents', label: 'Latents', format: 'integer' },
    { id: 'tokens', label: 'Domain tokens', format: 'integer' },
    { id: 'l0', label: 'L0', format: 'short3' },
    { id: 'fve', label: 'FVE', format: 'fixed4' },
    { id: 'fveChange', label: 'Change of FVE', format: 'signed4' },
    { id: 'deltaCe', label: 'Delta CE', format: 'fixed4' },
    { id: 'deltaCeChange', label: 'Change of delta CE', format: 'signed4' },
    ...(text === 'broad' ? [{ id: 'silentBroad', label: 'Tokens untouched', format: 'percent' as const }] : []),
  ];
  const cells = rows.map((row) => {
    const { l0, fve, fveChange, deltaCe, deltaCeChange } = row[text];
    const own = [row.method, row.latents, row.tokens ?? null, l0, fve, fveChange ?? null, deltaCe ?? null, deltaCeChange ?? null];
    return text === 'broad' ? [...own, row.silentBroad ?? null] : own;
  });
  const used = columns.map((_, i) => cells.some((row) => row[i] !== null));
  const untouched = text === 'broad' ? ' Tokens untouched: share on which no residual latent fires, so that the output is the base’s, bit for bit.' : '';
  return {
    kind: 'table',
    id: `boosting-${text}`,
    title: `Base, boosted and baselines on ${panelName[text]}`,
    caption: `Change: against the base (${base}), paired by document; delta CE in nats/token.${untouched}`,
    columns: columns.filter((_, i) => used[i]),
    rows: cells.map((row) => row.filter((_, i) => used[i])),
  };
}
