import { spearman } from '../probes/scores.js';

/** `dense_position@1`: |Spearman ρ| of activation and token position above 0.4 for any of the distances measured (arXiv 2506.15679). */
export const POSITION_RHO = 0.4;

/** The distance (from context, paragraph, sentence start ...) that an activation follows most closely. */
export function positionCorrelation(activation: ArrayLike<number>, distances: Readonly<Record<string, ArrayLike<number>>>): { readonly from: string; readonly rho: number } {
  let best = { from: '', rho: 0 };
  for (const [from, distance] of Object.entries(distances)) {
    const rho = spearman(activation, distance);
    if (Math.abs(rho) > Math.abs(best.rho)) best = { from, rho };
  }
  return best;
}
