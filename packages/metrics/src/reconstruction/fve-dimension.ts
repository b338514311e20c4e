import type { ReconstructionMetric } from './moments.js';

/**
 * `fve_dimension@1` = mean_d(1 − Σ_t e_d² / Σ_t(x_d − x̄_d)²): R² of each dimension, then the mean. Every dimension weighs the same,
 * however small its variance. Dimensions that never vary are left out.
 */
export const fveDimension: ReconstructionMetric = {
  id: 'fve_dimension@1',
  of: (m) => {
    let sum = 0;
    let counted = 0;
    for (let d = 0; d < m.width; d++) {
      const s = m.centredSums[d] as number;
      const total = (m.centredSquares[d] as number) - (s * s) / m.tokens;
      if (total <= 0) continue;
      sum += 1 - (m.errorSquares[d] as number) / total;
      counted++;
    }
    return sum / counted;
  },
};
