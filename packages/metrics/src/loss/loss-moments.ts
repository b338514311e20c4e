/** Sums over the counted predicting positions of the drawn documents, in nats. */
export interface LossMoments {
  readonly positions: number;
  /** Σ cross-entropy of the clean model. */
  readonly clean: number;
  /** Σ cross-entropy with the reconstruction spliced in. */
  readonly spliced: number;
  /** Σ cross-entropy with the hook set to zero. */
  readonly zero: number;
  /** Σ cross-entropy with the hook set to its mean. */
  readonly mean: number;
  /** Σ KL(clean ‖ spliced), and the same for the two ablations. */
  readonly klSpliced: number;
  readonly klZero: number;
  readonly klMean: number;
}

export interface LossMetric {
  readonly id: string;
  readonly of: (moments: LossMoments) => number;
}
