import type { ReconstructionMetric } from './moments.js';
import { totalVariation } from './moments.js';

/**
 * `fve_residual_variance@1` = 1 − Σ_d Var_t(e_d) / Σ_d Var_t(x_d): dictionary_learning's `frac_variance_explained` over the whole
 * sample instead of averaged over batches. The residual's mean is removed first, so a constant offset is free.
 */
export const fveResidualVariance: ReconstructionMetric = {
  id: 'fve_residual_variance@1',
  of: (m) => {
    let residual = 0;
    for (let d = 0; d < m.width; d++) {
      const s = m.errorSums[d] as number;
      residual += (m.errorSquares[d] as number) - (s * s) / m.tokens;
    }
    return 1 - residual / totalVariation(m);
  },
};
