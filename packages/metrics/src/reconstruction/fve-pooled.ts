import type { ReconstructionMetric } from './moments.js';
import { totalVariation } from './moments.js';

/**
 * `fve_pooled@1` = 1 − Σ_t‖x−x̂‖² / Σ_t‖x−x̄‖² (R² over all elements; SAELens ≥ 6.45.1 `explained_variance`).
 * A constant offset of the reconstruction is penalised. 1 = perfect, 0 = as good as the mean, negative = worse.
 */
export const fvePooled: ReconstructionMetric = {
  id: 'fve_pooled@1',
  of: (m) => 1 - m.errorTotal / totalVariation(m),
};

/** `fvu_pooled@1` = 1 − `fve_pooled@1` (Dark Matter, arXiv 2410.14670; sparsify's FVU). */
export const fvuPooled: ReconstructionMetric = {
  id: 'fvu_pooled@1',
  of: (m) => m.errorTotal / totalVariation(m),
};
