export interface Counts {
  /** Trials in which the feature was seen, and trials in all. */
  readonly seen: number;
  readonly of: number;
}

/**
 * z-score of the log-odds ratio of a feature between two samples under a Dirichlet prior of `strength` pseudo-trials spread
 * as in `prior` (Monroe, Colaresi & Quinn 2008, "Fightin' Words", eq. 16, 19-22).
 */
export function logOddsZ(inside: Counts, outside: Counts, prior: { readonly rate: number; readonly strength: number }): number {
  const a = Math.max(prior.rate * prior.strength, 1e-3);
  const rest = Math.max(prior.strength - a, 1e-3);
  const logOdds = (c: Counts): number => Math.log((c.seen + a) / (c.of - c.seen + rest));
  const variance = 1 / (inside.seen + a) + 1 / (outside.seen + a);
  return (logOdds(inside) - logOdds(outside)) / Math.sqrt(variance);
}
