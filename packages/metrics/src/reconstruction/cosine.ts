import type { ReconstructionMetric } from './moments.js';

/** `cosine@1` = mean_t cos(x, x̂); 0 where the reconstruction is the zero vector. Tokens with x = 0 are left out. */
export const cosine: ReconstructionMetric = { id: 'cosine@1', of: (m) => m.cosines / m.nonZero };
