import { random, SalmonError } from '@salmon-sae/dataflow';
import type { Sampled } from '../documents/estimate.js';
import { requireSameDraws } from './paired-difference.js';

/**
 * Mean over training seeds with a two-level bootstrap: each replicate draws seeds with replacement on top of its draw of
 * documents, so that the interval carries both. With one seed it is that seed's own estimate.
 */
export function acrossSeeds(seeds: readonly Sampled[], seed = 0): Sampled {
  const first = seeds[0];
  if (first === undefined) {
    throw new SalmonError('usage', { what: 'No seed to average', expected: 'at least one estimate', got: 'none' });
  }
  requireSameDraws(seeds);
  const draw = random(seed, 'seeds');
  const n = seeds.length;
  const samples = first.samples.map((_, r) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (seeds[draw.below(n)] as Sampled).samples[r] as number;
    return sum / n;
  });
  const value = seeds.reduce((sum, s) => sum + s.value, 0) / n;
  return { metric: first.metric, value, samples, key: `${first.key}:seeds${n}:${seed}` };
}
