/**
 * Everything a reconstruction metric needs, summed over tokens t of the drawn documents. x is what should be
 * reconstructed (the activation, or the batch's target), x̂ the reconstruction, e = x − x̂, m the mean of x over all tokens.
 */
export interface ReconstructionMoments {
  readonly width: number;
  /** Number of tokens. */
  readonly tokens: number;
  /** Tokens with x ≠ 0. */
  readonly nonZero: number;
  /** Tokens with x ≠ centre. */
  readonly offCentre: number;
  /** Σ‖x‖² */
  readonly inputSquares: number;
  /** Σ‖x‖ */
  readonly inputNorms: number;
  /** [width] Σ(x_d − m_d): zero on the full sample, not on a bootstrap draw. */
  readonly centredSums: ArrayLike<number>;
  /** [width] Σ(x_d − m_d)² */
  readonly centredSquares: ArrayLike<number>;
  /** [width] Σe_d */
  readonly errorSums: ArrayLike<number>;
  /** [width] Σe_d² */
  readonly errorSquares: ArrayLike<number>;
  /** Σ‖e‖² */
  readonly errorTotal: number;
  /** Σ‖e‖ */
  readonly errorNorms: number;
  /** Σ x·x̂ */
  readonly dot: number;
  /** Σ‖x̂‖² */
  readonly reconSquares: number;
  /** Σ‖x̂‖ */
  readonly reconNorms: number;
  /** Σ cos(x, x̂) over tokens with x ≠ 0 (0 where x̂ = 0). */
  readonly cosines: number;
  /** Σ ‖x̂‖/‖x‖ over tokens with x ≠ 0. */
  readonly normRatios: number;
  /** Σ ‖e‖²/‖x‖² over tokens with x ≠ 0. */
  readonly relativeErrors: number;
  /** Σ ‖e‖²/‖x − centre‖² over tokens with x ≠ centre. */
  readonly centredRelativeErrors: number;
  /** Σ #{i: f_i ≠ 0} */
  readonly active: number;
  /** Σ‖f‖₁ */
  readonly codeL1: number;
}

/** Σ_t‖x − x̄‖² of the drawn tokens: Q − ‖S‖²/N about their own mean. */
export function totalVariation(m: ReconstructionMoments): number {
  let total = 0;
  for (let d = 0; d < m.width; d++) {
    const s = m.centredSums[d] as number;
    total += (m.centredSquares[d] as number) - (s * s) / m.tokens;
  }
  return total;
}

/** One reconstruction metric: a pure function of the moments with a versioned definition. */
export interface ReconstructionMetric {
  /** e.g. `fve_pooled@1`; the number rises whenever a value could change. */
  readonly id: string;
  readonly of: (moments: ReconstructionMoments) => number;
}
