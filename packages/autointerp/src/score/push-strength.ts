import type { Push, SteeredWindows } from './steered-windows.js';

/** Strengths tried first, as shares of the latent's largest activation. */
const GRID = [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16];
/** A random direction may need more than a latent's own, but not without end: 64 times the largest activation. */
const CEILING = 64;

export interface Pushed extends Push {
  /** Mean KL(clean || steered) in nats that the push causes. */
  readonly kl: number;
}

/** The push whose KL first reaches the target, on the line between grid points on log-log axes; the grid's end where it never does. */
export function pushTo(windows: SteeredWindows, direction: Float32Array, to: { readonly kl: number; readonly largest: number }): Pushed {
  const strengths = GRID.map((share) => share * to.largest);
  const kls = windows.meanKls(strengths.map((strength) => ({ direction, strength })));
  const point = (i: number): Point => ({ s: strengths[i] as number, kl: kls[i] as number });
  const above = kls.findIndex((kl) => kl >= to.kl);
  const klAt = (strength: number): number => windows.meanKls([{ direction, strength }])[0] as number;
  const below = (): number => {
    const s = bySquare(point(0), to.kl);
    return alongLogLog({ s, kl: klAt(s) }, point(0), to.kl);
  };
  const strength = above === 0 ? below() : above === -1 ? (strengths.at(-1) as number) : alongLogLog(point(above - 1), point(above), to.kl);
  const kl = klAt(strength);
  return { direction, strength, kl };
}

/**
 * The same for many directions at once, from a strength near the right one: KL grows with its square at first, then along the line
 * through the last two points on log-log axes. `atFirst` is the KL that each causes at the given strength.
 */
export function pushAllTo(
  windows: SteeredWindows,
  directions: readonly Float32Array[],
  to: { readonly kl: number; readonly largest: number; readonly from: number },
): { readonly pushed: readonly Pushed[]; readonly atFirst: readonly number[] } {
  const most = CEILING * to.largest;
  const at = (strengths: readonly number[]): readonly Pushed[] => {
    const pushes = directions.map((direction, r) => ({ direction, strength: strengths[r] as number }));
    const kls = windows.meanKls(pushes);
    return pushes.map((push, r) => ({ ...push, kl: kls[r] as number }));
  };
  const first = at(directions.map(() => to.from));
  const second = at(first.map(({ strength, kl }) => Math.min(most, bySquare({ s: strength, kl }, to.kl))));
  const last = at(second.map((b, r) => Math.min(most, alongLogLog({ s: first[r]?.strength ?? 0, kl: first[r]?.kl ?? 0 }, { s: b.strength, kl: b.kl }, to.kl))));
  return { pushed: last, atFirst: first.map(({ kl }) => kl) };
}

/** A strength with the KL it causes. */
interface Point {
  readonly s: number;
  readonly kl: number;
}

/** The strength that gives the target if KL grows with its square, as it does while small; at most 16 times the one known. */
function bySquare({ s, kl }: Point, target: number): number {
  return s * Math.min(16, Math.sqrt(target / Math.max(kl, 1e-9)));
}

/** Where the line through two points on log-log axes reaches the target. */
function alongLogLog(a: Point, b: Point, target: number): number {
  const [lowKl, highKl] = [Math.max(a.kl, 1e-9), Math.max(b.kl, 1e-9)];
  const [run, rise] = [Math.log(b.s / a.s), Math.log(highKl / lowKl)];
  // Two equal points, or a KL that falls as the strength grows, give no line to follow.
  if (Math.abs(run) < 1e-9 || rise / run < 0.25) return b.s;
  return a.s * Math.exp((Math.log(target / lowKl) * run) / rise);
}
