import { random, SalmonError } from '@salmon-sae/dataflow';

export interface RatableLatent {
  readonly sae: string;
  readonly latent: number;
  readonly density: number;
}

/** Latents of different arms with about the same density, one per arm, in the order of the arms. */
export type MatchedLatents = readonly RatableLatent[];

export interface MatchOptions {
  readonly seed?: number;
  /** Largest difference in ln density within a match. */
  readonly caliper?: number;
}

/**
 * Draws `wanted` matches: a latent of the first arm at random, with each other arm's unused latent nearest in ln density, if
 * all lie within the caliper. So the arms are compared on latents of like density, not on each arm's favourites. May return
 * fewer. Throws `no-data` if an arm is empty, `usage` for fewer than two arms.
 */
export function matchByDensity(arms: readonly (readonly RatableLatent[])[], wanted: number, options: MatchOptions = {}): readonly MatchedLatents[] {
  if (arms.length < 2) throw new SalmonError('usage', { what: 'Latents of one arm cannot be matched', expected: 'two arms or more', got: String(arms.length) });
  const pools = arms.map((arm, a) => {
    const live = arm.filter(({ density }) => density > 0).sort((x, y) => x.density - y.density || x.latent - y.latent);
    if (live.length === 0) throw new SalmonError('no-data', { what: 'An arm has no latent that fires', where: arm[0]?.sae ?? `arm ${a + 1}` });
    return live;
  });
  const [first, ...others] = pools as [RatableLatent[], ...RatableLatent[][]];
  const used = others.map(() => new Set<number>());
  const out: MatchedLatents[] = [];
  for (const own of random(options.seed ?? 0, 'match-by-density').shuffle([...first])) {
    if (out.length === wanted) break;
    const found = others.map((pool, a) => nearest(pool, own.density, used[a] as Set<number>));
    const near = found.every((other) => other !== undefined && Math.abs(Math.log(other.density / own.density)) <= (options.caliper ?? 0.25));
    if (!near) continue;
    const match = found as RatableLatent[];
    match.forEach(({ latent }, a) => used[a]?.add(latent));
    out.push([own, ...match]);
  }
  return out;
}

function nearest(sorted: readonly RatableLatent[], density: number, used: ReadonlySet<number>): RatableLatent | undefined {
  let best: RatableLatent | undefined;
  const distance = (x: RatableLatent): number => Math.abs(Math.log(x.density / density));
  for (const candidate of sorted) {
    if (used.has(candidate.latent)) continue;
    if (best !== undefined && distance(candidate) >= distance(best)) {
      if (candidate.density > density) break;
      continue;
    }
    best = candidate;
  }
  return best;
}
