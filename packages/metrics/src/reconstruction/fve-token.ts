import type { ReconstructionMetric } from './moments.js';

/**
 * `fve_token@1` = mean_t(1 − ‖e_t‖² / ‖x_t − c‖²): the older per-token ratio (SAELens `explained_variance_legacy`, which takes each
 * batch's mean for c). Here c is one fixed centre, so the value does not depend on the batch size. Tokens near c dominate.
 */
export const fveToken: ReconstructionMetric = {
  id: 'fve_token@1',
  of: (m) => 1 - m.centredRelativeErrors / m.offCentre,
};
