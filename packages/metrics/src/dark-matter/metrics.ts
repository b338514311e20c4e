/**
 * Sums over scored tokens of the drawn documents; e = x − x̂, ê its linear prediction from x, n the predicted ‖e‖².
 * Definitions: Engels et al., arXiv 2410.14670, section 4; Salmon, arXiv 2508.09363.
 */
export interface DarkMatterMoments {
  readonly tokens: number;
  /** [width] Σ(e_d − ê_d)², Σe_d, Σe_d² */
  readonly residualSquares: ArrayLike<number>;
  readonly errorSums: ArrayLike<number>;
  readonly errorSquares: ArrayLike<number>;
  /** Σ‖e‖², Σ‖e‖⁴, Σ(‖e‖² − n)² */
  readonly normSum: number;
  readonly normSquares: number;
  readonly normResidual: number;
  /** Σ‖x − x̄‖² */
  readonly variation: number;
}

export interface DarkMatterMetric {
  readonly id: string;
  readonly of: (moments: DarkMatterMoments) => number;
}

/** `dark_r2_vector_pooled@1` = 1 − Σ‖e − ê‖² / Σ‖e − ē‖². */
export const darkR2VectorPooled: DarkMatterMetric = {
  id: 'dark_r2_vector_pooled@1',
  of: (m) => {
    let total = 0;
    for (let d = 0; d < m.errorSums.length; d++) total += variation(m, d);
    return 1 - sum(m.residualSquares) / total;
  },
};

/** `dark_r2_vector_mean@1` = mean_d(1 − Σ(e_d − ê_d)² / Σ(e_d − ē_d)²): both papers' number. */
export const darkR2VectorMean: DarkMatterMetric = {
  id: 'dark_r2_vector_mean@1',
  of: (m) => {
    let r2 = 0;
    let counted = 0;
    for (let d = 0; d < m.errorSums.length; d++) {
      const total = variation(m, d);
      if (total <= 0) continue;
      r2 += 1 - (m.residualSquares[d] as number) / total;
      counted++;
    }
    return r2 / counted;
  },
};

/** `dark_r2_norm@1`: R² of the squared error norm ‖e‖² predicted linearly from x. */
export const darkR2Norm: DarkMatterMetric = {
  id: 'dark_r2_norm@1',
  of: (m) => 1 - m.normResidual / (m.normSquares - (m.normSum * m.normSum) / m.tokens),
};

/** `dark_fvu@1` = Σ‖e‖² / Σ‖x − x̄‖² on the scored tokens. */
export const darkFvu: DarkMatterMetric = { id: 'dark_fvu@1', of: (m) => m.normSum / m.variation };

/** `dark_fvu_nonlinear@1` = Σ‖x − (x̂ + ê)‖² / Σ‖x − x̄‖²: what stays unexplained when the linear part of the error is added back. */
export const darkFvuNonlinear: DarkMatterMetric = {
  id: 'dark_fvu_nonlinear@1',
  of: (m) => sum(m.residualSquares) / m.variation,
};

/** `dark_fvu_linear@1` = `dark_fvu@1` − `dark_fvu_nonlinear@1`: the linear dark matter. */
export const darkFvuLinear: DarkMatterMetric = {
  id: 'dark_fvu_linear@1',
  of: (m) => (m.normSum - sum(m.residualSquares)) / m.variation,
};

export const darkMatterMetrics: readonly DarkMatterMetric[] = [
  darkR2VectorPooled,
  darkR2VectorMean,
  darkR2Norm,
  darkFvu,
  darkFvuNonlinear,
  darkFvuLinear,
];

function variation(m: DarkMatterMoments, d: number): number {
  const s = m.errorSums[d] as number;
  return (m.errorSquares[d] as number) - (s * s) / m.tokens;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total;
}
