import type { ActivationHistogram } from '@salmon-sae/dataflow';
import { ActivationBins } from './activation-bins.js';
import type { LinearBars } from './activation-bins.js';

/** Domains told apart; tokens of further ones count together. */
const DOMAINS = 32;
const OTHER = '(other)';

/** Tokens of one domain, those of texts that are only counted included, and on how many of them each latent was active. */
export interface DomainCounts {
  tokens: number;
  readonly active: Uint32Array;
}

/** Running statistics of every latent of one SAE; bounded by the number of latents. */
export class LatentStatistics {
  tokens = 0;
  readonly active: Float64Array;
  readonly sum: Float64Array;
  readonly sumSquares: Float64Array;
  readonly max: Float32Array;
  /** Windows in which the latent fired. */
  readonly windows: Float64Array;
  readonly domains = new Map<string, DomainCounts>();
  private readonly bins: ActivationBins;

  constructor(readonly latents: number) {
    this.active = new Float64Array(latents);
    this.sum = new Float64Array(latents);
    this.sumSquares = new Float64Array(latents);
    this.max = new Float32Array(latents);
    this.windows = new Float64Array(latents);
    this.bins = new ActivationBins(latents);
  }

  /** The counts of a domain, for `see`; the first 32 names that come get their own. */
  domain(name: string): DomainCounts {
    const key = this.domains.has(name) || this.domains.size < DOMAINS ? name : OTHER;
    const known = this.domains.get(key) ?? { tokens: 0, active: new Uint32Array(this.latents) };
    this.domains.set(key, known);
    return known;
  }

  see(latent: number, value: number, domain: DomainCounts): void {
    this.active[latent] = (this.active[latent] as number) + 1;
    this.sum[latent] = (this.sum[latent] as number) + value;
    this.sumSquares[latent] = (this.sumSquares[latent] as number) + value * value;
    if (value > (this.max[latent] as number)) this.max[latent] = value;
    domain.active[latent] = (domain.active[latent] as number) + 1;
    this.bins.see(latent, value);
  }

  /** Share of tokens on which the latent is active. */
  density(latent: number): number {
    return this.tokens === 0 ? 0 : (this.active[latent] as number) / this.tokens;
  }

  histogram(latent: number): ActivationHistogram {
    return this.bins.histogram(latent);
  }

  bars(latent: number): LinearBars {
    return this.bins.bars(latent);
  }

  /** Domain -> share of the latent's active tokens; largest first, domains without any left out. */
  domainShare(latent: number): Readonly<Record<string, number>> {
    const counts = [...this.domains].map(([name, { active }]) => [name, active[latent] as number] as const).filter(([, n]) => n > 0);
    const all = counts.reduce((sum, [, n]) => sum + n, 0);
    return Object.fromEntries(counts.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name, n]) => [name, n / all]));
  }
}
