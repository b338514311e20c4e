import type { ReconstructionMetric } from './moments.js';

/** `nmse@1` = mean_t(‖x−x̂‖² / ‖x‖²) (OpenAI, arXiv 2406.04093; not centred). Tokens with x = 0 are left out. */
export const normalisedMse: ReconstructionMetric = { id: 'nmse@1', of: (m) => m.relativeErrors / m.nonZero };
