import type { Sampled } from '../documents/estimate.js';
import { recentred } from '../documents/estimate.js';
import { drawCounts } from '../documents/document-bootstrap.js';
import type { LatentCounts } from './latent-counts.js';
import { totalCounts } from './latent-counts.js';

/** A share of latents decided from how often each fired. */
export interface LatentShare {
  readonly id: string;
  readonly counts: (fired: number, tokens: number) => boolean;
}

export interface LatentShareOptions {
  readonly replicates: number;
  readonly seed: number;
  readonly key: string;
}

/**
 * Shares with a bootstrap over document groups. The replicates are re-centred on the value: resampling only ever loses rare
 * latents, so their spread is informative and their mean is not.
 */
export function latentShares(
  counts: LatentCounts,
  shares: readonly LatentShare[],
  options: LatentShareOptions,
): readonly Sampled[] {
  const used = [...counts.tokens.keys()].filter((g) => (counts.tokens[g] as number) > 0);
  const replicates = used.length < 2 ? 0 : options.replicates;
  const weights = drawCounts(used.length, replicates, options.seed);
  const samples = shares.map(() => new Float64Array(replicates));
  const fired = new Float64Array(counts.latents);
  for (let r = 0; r < replicates; r++) {
    fired.fill(0);
    let tokens = 0;
    for (let u = 0; u < used.length; u++) {
      const w = weights[r * used.length + u] as number;
      if (w === 0) continue;
      const group = used[u] as number;
      tokens += w * (counts.tokens[group] as number);
      const at = group * counts.latents;
      for (let i = 0; i < counts.latents; i++) fired[i] = (fired[i] as number) + w * (counts.counts[at + i] as number);
    }
    shares.forEach((share, s) => ((samples[s] as Float64Array)[r] = shareOf(share, fired, tokens)));
  }
  const total = totalCounts(counts);
  const tokens = counts.tokens.reduce((a, b) => a + b, 0);
  return shares.map((share, s) =>
    recentred({
      metric: share.id,
      value: shareOf(share, total, tokens),
      samples: samples[s] as Float64Array,
      key: options.key,
    }),
  );
}

function shareOf(share: LatentShare, fired: Float64Array, tokens: number): number {
  let n = 0;
  for (const f of fired) if (share.counts(f, tokens)) n++;
  return n / fired.length;
}
