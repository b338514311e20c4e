import { SalmonError } from '@salmon-sae/dataflow';
import { bootstrap } from './bootstrap.js';
import type { BootstrapOptions } from './bootstrap.js';
import type { Interval } from './interval.js';

/** Counts per item and category: `counts[item][category]` = raters who chose it. */
export type Ratings = readonly (readonly number[])[];

/** Agreement of two raters beyond chance (Cohen 1960); NaN where chance agreement is complete. `pairs`: category of each rater. */
export function cohenKappa(pairs: readonly (readonly [number, number])[], categories: number, options: BootstrapOptions): Interval {
  const kappa = (weights: Float64Array): number => {
    const first = new Float64Array(categories);
    const second = new Float64Array(categories);
    let agreed = 0;
    let total = 0;
    pairs.forEach(([a, b], i) => {
      const w = weights[i] as number;
      first[a] = (first[a] as number) + w;
      second[b] = (second[b] as number) + w;
      total += w;
      if (a === b) agreed += w;
    });
    let chance = 0;
    for (let c = 0; c < categories; c++) chance += ((first[c] as number) / total) * ((second[c] as number) / total);
    return (agreed / total - chance) / (1 - chance);
  };
  return bootstrap(pairs.map(() => 0), kappa, options);
}

/** Agreement of any number of raters beyond chance (Fleiss 1971, eq. 1-7). Throws `bad-shape` if items differ in raters. */
export function fleissKappa(ratings: Ratings, options: BootstrapOptions): Interval {
  const raters = (ratings[0] ?? []).reduce((a, b) => a + b, 0);
  const categories = ratings[0]?.length ?? 0;
  for (const row of ratings) {
    const own = row.reduce((a, b) => a + b, 0);
    if (own !== raters || own < 2 || row.length !== categories) {
      throw new SalmonError('bad-shape', { what: 'Fleiss\' kappa needs the same number of raters on every item', expected: `${Math.max(2, raters)} ratings`, got: String(own) });
    }
  }
  const kappa = (weights: Float64Array): number => {
    const share = new Float64Array(categories);
    let agreed = 0;
    let total = 0;
    ratings.forEach((row, i) => {
      const w = weights[i] as number;
      total += w;
      let same = 0;
      row.forEach((n, c) => {
        same += n * (n - 1);
        share[c] = (share[c] as number) + w * n;
      });
      agreed += (w * same) / (raters * (raters - 1));
    });
    let chance = 0;
    for (const s of share) chance += (s / (total * raters)) ** 2;
    return (agreed / total - chance) / (1 - chance);
  };
  return bootstrap(ratings.map(() => 0), kappa, options);
}
