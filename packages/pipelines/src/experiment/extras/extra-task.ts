import type { ActivationBatch, TokenBatch } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import type { ExtraTable, Measure } from '../../report/index.js';
import type { CorpusConfig } from '../config.js';
import type { PlannedSae } from '../plan.js';
import type { Session } from '../session.js';
import { randomSae } from './random-sae.js';

/** What the further tables are computed from: the headline SAEs and held-out activations in memory, special tokens left out. */
export interface ExtraTask {
  readonly session: Session;
  readonly domain: CorpusConfig;
  readonly saes: readonly { readonly plan: PlannedSae; readonly sae: Sae }[];
  /** Held-out domain tokens, and their activations. */
  readonly tokens: readonly TokenBatch[];
  readonly onDomain: readonly ActivationBatch[];
  readonly onBroad: readonly ActivationBatch[];
  /** Held-out activations of the run's further domains. */
  readonly others: readonly { readonly name: string; readonly batches: readonly ActivationBatch[] }[];
  /** Latents that fired on some held-out text. */
  live(sae: string): readonly number[];
  /** Latents active per domain token. */
  l0(sae: string): number;
}

export type ExtraColumn = ExtraTable['columns'][number];
export type ExtraRow = ExtraTable['rows'][number];

export const SAE_COLUMN: ExtraColumn = { id: 'sae', label: 'SAE' };
export const DEFINITION_COLUMN: ExtraColumn = { id: 'definition', label: 'Definition' };

/** Numbers that are not defined become an empty cell. */
export function defined(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** A measure, or an empty cell where it is not defined. */
export function measure(value: Measure | undefined): Measure | null {
  return value === undefined || !Number.isFinite(value.value) ? null : value;
}

/** One row for every SAE, and one for an SAE of random directions as wide and as sparse as the domain's (or the first). */
export async function withRandomSae(task: ExtraTask, row: (of: { readonly name: string; readonly sae: Sae }) => ExtraRow | Promise<ExtraRow>): Promise<readonly ExtraRow[]> {
  const rows: ExtraRow[] = [];
  for (const { plan, sae } of task.saes) rows.push(await row({ name: plan.name, sae }));
  const model = task.saes.find(({ plan }) => plan.arm === 'domain') ?? task.saes[0];
  if (model === undefined) return rows;
  const sae = randomSae(task.onDomain, { latents: model.sae.latents, l0: task.l0(model.plan.name), seed: task.session.config.split.seed });
  try {
    return [...rows, await row({ name: 'random directions', sae })];
  } finally {
    sae.dispose();
  }
}
