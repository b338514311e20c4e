import type { LossMetric } from './loss-moments.js';

/**
 * `loss_recovered_zero@1` = (CE_zero − CE_spliced) / (CE_zero − CE_clean): SAELens `ce_loss_score`, dictionary_learning
 * `frac_recovered`. Zeroing the residual stream of a bias-free model gives uniform logits, so there it is a rescaled delta CE.
 */
export const lossRecoveredZero: LossMetric = {
  id: 'loss_recovered_zero@1',
  of: (m) => (m.zero - m.spliced) / (m.zero - m.clean),
};

/** `loss_recovered_mean@1`: the same with mean ablation, a harder reference. */
export const lossRecoveredMean: LossMetric = {
  id: 'loss_recovered_mean@1',
  of: (m) => (m.mean - m.spliced) / (m.mean - m.clean),
};
