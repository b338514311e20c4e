import type { BootstrapOptions } from './bootstrap.js';
import { bootstrap } from './bootstrap.js';
import type { Interval } from './interval.js';

/** Sums that a Pearson correlation is made of. */
interface Moments {
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

/** Pearson correlation of the concatenated pairs; 0 if either side is constant. */
export function pearson(groups: readonly (readonly [ArrayLike<number>, ArrayLike<number>])[]): number {
  return correlate(groups.map(momentsOf), new Float64Array(groups.length).fill(1));
}

/** The same with a bootstrap interval over groups (windows), which keeps the tokens of a window together. */
export function pearsonInterval(
  groups: readonly (readonly [ArrayLike<number>, ArrayLike<number>])[],
  strata: readonly number[],
  options: BootstrapOptions,
): Interval {
  const moments = groups.map(momentsOf);
  return bootstrap(strata, (weights) => correlate(moments, weights), options);
}

function momentsOf([xs, ys]: readonly [ArrayLike<number>, ArrayLike<number>]): Moments {
  let [x, y, xx, yy, xy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < xs.length; i++) {
    const a = xs[i] as number;
    const b = ys[i] as number;
    x += a;
    y += b;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }
  return { n: xs.length, x, y, xx, yy, xy };
}

function correlate(moments: readonly Moments[], weights: Float64Array): number {
  let [n, x, y, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
  moments.forEach((m, i) => {
    const w = weights[i] as number;
    n += w * m.n;
    x += w * m.x;
    y += w * m.y;
    xx += w * m.xx;
    yy += w * m.yy;
    xy += w * m.xy;
  });
  const vx = xx - (x * x) / n;
  const vy = yy - (y * y) / n;
  return vx > 1e-12 * xx && vy > 1e-12 * yy ? (xy - (x * y) / n) / Math.sqrt(vx * vy) : 0;
}
