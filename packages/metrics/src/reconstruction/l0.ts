import type { ReconstructionMetric } from './moments.js';

/** `l0@1` = mean_t #{i: f_i ≠ 0}: active latents per token. */
export const l0: ReconstructionMetric = { id: 'l0@1', of: (m) => m.active / m.tokens };

/** `l1@1` = mean_t Σ_i |f_i|. */
export const l1: ReconstructionMetric = { id: 'l1@1', of: (m) => m.codeL1 / m.tokens };
