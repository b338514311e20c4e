import type { ReconstructionMetric } from './moments.js';

/** `l2_ratio@1` = mean_t(‖x̂‖ / ‖x‖): below 1 where the SAE shrinks. Tokens with x = 0 are left out. */
export const l2Ratio: ReconstructionMetric = { id: 'l2_ratio@1', of: (m) => m.normRatios / m.nonZero };
