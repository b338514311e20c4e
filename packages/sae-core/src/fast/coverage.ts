import type { JumpReluConfig } from '../architectures/jumprelu.js';
import type { BatchTopKConfig } from '../architectures/batch-topk.js';
import type { StandardConfig } from '../architectures/standard.js';
import type { TopKConfig } from '../architectures/topk.js';
import type { ResolvedSpec } from '../train/train-spec.js';

/** The architectures that train on sparse entries instead of dense [B, F] matrices. */
export type SparseConfig = JumpReluConfig | StandardConfig | TopKConfig | BatchTopKConfig;

/** The spec's configuration where the sparse step computes exactly what the dense one does, else undefined. */
export function sparseConfig(spec: ResolvedSpec): SparseConfig | undefined {
  const { sae, training } = spec.config;
  const config = sae as unknown as SparseConfig;
  if (!['jumprelu', 'standard', 'topk', 'batchtopk'].includes(config.kind)) return undefined;
  if (config.normalizeActivations !== 'none' || config.skip || training.resampleEvery !== null) return undefined;
  const covered =
    config.kind === 'jumprelu'
      ? config.sparsity !== 'tanh' && config.preActCoefficient === null
      : config.kind === 'standard'
        ? config.p === 1 && (!config.normWeighted || training.decoder === 'unit-norm')
        : coversTopK(config);
  return covered ? config : undefined;
}

function coversTopK(config: TopKConfig | BatchTopKConfig): boolean {
  const auxCovered = config.aux.coefficient === 0 || config.aux.source === 'relu';
  const plainLoss = config.kind === 'batchtopk' || (config.multiWeight === 0 && !config.normalizeLoss);
  return auxCovered && plainLoss && !config.rescaleByDecoderNorm;
}
