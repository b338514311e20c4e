import type { ReconstructionMetric } from './moments.js';

/** `relative_reconstruction_bias@1` γ = E‖x̂‖² / E[x·x̂] (Gated SAEs, arXiv 2404.16014 eq. 10); 1 = unbiased, below 1 = shrinkage. */
export const relativeReconstructionBias: ReconstructionMetric = {
  id: 'relative_reconstruction_bias@1',
  of: (m) => m.reconSquares / m.dot,
};
