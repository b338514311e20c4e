import type { LatentActivity } from '../reconstruction/evaluation.js';

/** Latents by log10 of their density (share of tokens on which they are active). */
export interface DensityHistogram {
  /** [bins + 1] log10 density */
  readonly edges: Float64Array;
  /** [bins] latents */
  readonly latents: Float64Array;
  /** Latents that never fired; no bin can hold them. */
  readonly dead: number;
}

export interface DensityHistogramOptions {
  /** Bins per decade (default 4). */
  readonly perDecade?: number;
  /** Smallest log10 density shown (default −6); rarer latents fall into the first bin. */
  readonly from?: number;
}

/** `density@1`: histogram of log10(active tokens / tokens) over latents. */
export function densityHistogram(activity: LatentActivity, options: DensityHistogramOptions = {}): DensityHistogram {
  const perDecade = options.perDecade ?? 4;
  const from = options.from ?? -6;
  const bins = Math.round(-from * perDecade);
  const latents = new Float64Array(bins);
  let dead = 0;
  for (const count of activity.counts) {
    if (count === 0) {
      dead++;
      continue;
    }
    const at = Math.floor((Math.log10(count / activity.tokens) - from) * perDecade);
    const bin = Math.min(bins - 1, Math.max(0, at));
    latents[bin] = (latents[bin] as number) + 1;
  }
  return { edges: Float64Array.from({ length: bins + 1 }, (_, i) => from + i / perDecade), latents, dead };
}

/** [latents] share of tokens on which each latent is active. */
export function densities(activity: LatentActivity): Float64Array {
  return activity.counts.map((c) => c / activity.tokens);
}
