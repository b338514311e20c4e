import type { LossMetric } from './loss-moments.js';

/** `kl@1` = mean KL(clean ‖ spliced) of the next-token distributions, nats. */
export const kl: LossMetric = { id: 'kl@1', of: (m) => m.klSpliced / m.positions };

/** `kl_recovered_zero@1` = (KL_zero − KL_spliced) / KL_zero (SAELens `kl_div_score`). */
export const klRecoveredZero: LossMetric = { id: 'kl_recovered_zero@1', of: (m) => (m.klZero - m.klSpliced) / m.klZero };

/** `kl_recovered_mean@1` = (KL_mean − KL_spliced) / KL_mean. */
export const klRecoveredMean: LossMetric = { id: 'kl_recovered_mean@1', of: (m) => (m.klMean - m.klSpliced) / m.klMean };
