import type { ReconstructionMetric } from './moments.js';

/** `mse@1` = mean_t Σ_d e_d² (SAELens ≥ 6.45.2 `mse`), in squared activation units. */
export const mse: ReconstructionMetric = { id: 'mse@1', of: (m) => m.errorTotal / m.tokens };

/** `mse_element@1` = mean over tokens and dimensions of e². */
export const mseElement: ReconstructionMetric = { id: 'mse_element@1', of: (m) => m.errorTotal / m.tokens / m.width };

/** `error_norm@1` = mean_t‖e‖ (dictionary_learning's `l2_loss`). */
export const errorNorm: ReconstructionMetric = { id: 'error_norm@1', of: (m) => m.errorNorms / m.tokens };
