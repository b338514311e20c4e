import type { ActivationBatch, TokenBatch } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import type { ExtraTable } from '../../report/index.js';
import type { CorpusConfig } from '../config.js';
import type { PlannedSae } from '../plan.js';
import type { Session } from '../session.js';

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
}

export type ExtraColumn = ExtraTable['columns'][number];
export type ExtraRow = ExtraTable['rows'][number];

export const SAE_COLUMN: ExtraColumn = { id: 'sae', label: 'SAE' };
export const DEFINITION_COLUMN: ExtraColumn = { id: 'definition', label: 'Definition' };

/** Numbers that are not defined become an empty cell. */
export function defined(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
