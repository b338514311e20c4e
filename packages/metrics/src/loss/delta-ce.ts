import type { LossMetric } from './loss-moments.js';

/** `delta_ce@1` = CE(spliced) − CE(clean), nats per predicted token (Gemma Scope's delta loss); 0 = nothing lost. */
export const deltaCe: LossMetric = { id: 'delta_ce@1', of: (m) => (m.spliced - m.clean) / m.positions };

/** `ce_clean@1`: cross-entropy of the untouched model on the same positions. */
export const ceClean: LossMetric = { id: 'ce_clean@1', of: (m) => m.clean / m.positions };

/** `ce_spliced@1`: cross-entropy with the reconstruction in place of the activation. */
export const ceSpliced: LossMetric = { id: 'ce_spliced@1', of: (m) => m.spliced / m.positions };

/** `ce_zero@1`: cross-entropy with the activation set to zero at the same positions. */
export const ceZero: LossMetric = { id: 'ce_zero@1', of: (m) => m.zero / m.positions };

/** `ce_mean@1`: cross-entropy with the activation set to its mean at the same positions. */
export const ceMean: LossMetric = { id: 'ce_mean@1', of: (m) => m.mean / m.positions };
