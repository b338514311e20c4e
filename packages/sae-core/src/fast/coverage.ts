import type { BatchTopKConfig } from '../architectures/batch-topk.js';
import type { JumpReluConfig } from '../architectures/jumprelu.js';
import type { MatryoshkaConfig } from '../architectures/matryoshka.js';
import type { StandardConfig } from '../architectures/standard.js';
import type { TopKConfig } from '../architectures/topk.js';
import type { ResolvedSpec } from '../train/train-spec.js';

/** SAEs that select by rank. */
export type RankedConfig = TopKConfig | BatchTopKConfig | MatryoshkaConfig;

/** The architectures that train on sparse entries instead of dense [B, F] matrices. */
export type SparseConfig = JumpReluConfig | StandardConfig | RankedConfig;

/** The spec's configuration where the sparse step computes exactly what the dense one does, else undefined. */
export function sparseConfig(spec: ResolvedSpec): SparseConfig | undefined {
  const config = spec.config.sae as unknown as SparseConfig;
  if (!['jumprelu', 'standard', 'topk', 'batchtopk', 'matryoshka'].includes(config.kind)) return undefined;
  // A p-norm other than the sum couples the entries of a row.
  return config.kind === 'standard' && config.p !== 1 ? undefined : config;
}

export function isRanked(config: SparseConfig): config is RankedConfig {
  return config.kind === 'topk' || config.kind === 'batchtopk' || config.kind === 'matryoshka';
}

/** Whether the step depends on the norms of the decoder rows. */
export function usesNorms(config: SparseConfig, unitRows: boolean): boolean {
  if (config.kind === 'standard') return config.normWeighted && !unitRows;
  if (config.kind === 'jumprelu') return config.sparsity === 'tanh' || config.preActCoefficient !== null;
  return config.rescaleByDecoderNorm;
}
