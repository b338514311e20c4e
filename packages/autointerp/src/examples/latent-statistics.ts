/** Bins of the activation histogram of one latent. */
export const HISTOGRAM_BINS = 64;

export interface ActivationHistogram {
  /** Width of a bin; bin k counts activations in [k * step, (k + 1) * step). */
  readonly step: number;
  readonly counts: Uint32Array;
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
  private readonly exponent: Int16Array;
  private readonly histogram: Uint32Array;

  constructor(readonly latents: number) {
    this.active = new Float64Array(latents);
    this.sum = new Float64Array(latents);
    this.sumSquares = new Float64Array(latents);
    this.max = new Float32Array(latents);
    this.windows = new Float64Array(latents);
    this.exponent = new Int16Array(latents).fill(-32768);
    this.histogram = new Uint32Array(latents * HISTOGRAM_BINS);
  }

  see(latent: number, value: number): void {
    this.active[latent] = (this.active[latent] as number) + 1;
    this.sum[latent] = (this.sum[latent] as number) + value;
    this.sumSquares[latent] = (this.sumSquares[latent] as number) + value * value;
    if (value > (this.max[latent] as number)) this.max[latent] = value;
    let exponent = this.exponent[latent] as number;
    if (value >= 2 ** exponent * HISTOGRAM_BINS) {
      const needed = Math.floor(Math.log2(value)) + 1 - Math.log2(HISTOGRAM_BINS);
      if (exponent !== -32768) this.widen(latent, needed - exponent);
      this.exponent[latent] = exponent = needed;
    }
    const bin = latent * HISTOGRAM_BINS + Math.min(HISTOGRAM_BINS - 1, Math.floor(value / 2 ** exponent));
    this.histogram[bin] = (this.histogram[bin] as number) + 1;
  }

  /** Share of tokens on which the latent is active. */
  density(latent: number): number {
    return this.tokens === 0 ? 0 : (this.active[latent] as number) / this.tokens;
  }

  histogramOf(latent: number): ActivationHistogram {
    const exponent = this.exponent[latent] as number;
    return {
      step: exponent === -32768 ? 0 : 2 ** exponent,
      counts: this.histogram.slice(latent * HISTOGRAM_BINS, (latent + 1) * HISTOGRAM_BINS),
    };
  }

  /** Bin widths are powers of two, so widening adds neighbours exactly and the result does not depend on the order seen. */
  private widen(latent: number, doublings: number): void {
    const base = latent * HISTOGRAM_BINS;
    const old = this.histogram.slice(base, base + HISTOGRAM_BINS);
    this.histogram.fill(0, base, base + HISTOGRAM_BINS);
    for (let k = 0; k < HISTOGRAM_BINS; k++) {
      const to = base + Math.floor(k / 2 ** doublings);
      this.histogram[to] = (this.histogram[to] as number) + (old[k] as number);
    }
  }
}
