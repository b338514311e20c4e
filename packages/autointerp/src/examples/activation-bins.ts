import type { ActivationHistogram } from '@salmon-sae/dataflow';

/** Parts of equal width that an octave [2^e, 2^(e+1)) is cut into. */
const PER_OCTAVE = 32;
/** Octaves below the largest activation that are told apart; what is weaker is in the lowest bin. */
const OCTAVES = 8;
const BINS = PER_OCTAVE * OCTAVES;
/** A bin is told by the exponent and the first five bits of the fraction of a 32-bit float: these bits are left out. */
const SHIFT = 18;
/** Bins an octave on a card: the fine ones four by four. */
const PER_OCTAVE_SHOWN = 8;

/** Bars of equal width: bar k counts activations in [k * step, (k + 1) * step). */
export interface LinearBars {
  /** 0 where there are no activations. */
  readonly step: number;
  readonly counts: readonly number[];
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * Histograms of all activations of many latents, 1 KiB each: eight octaves below the largest activation, each in 32 parts.
 * The range moves up as larger activations come; the result does not depend on their order.
 */
export class ActivationBins {
  private readonly counts: Uint32Array;
  /** [latents] number of the lowest bin; none where nothing was seen. */
  private readonly lowest: Int32Array;

  constructor(latents: number) {
    this.counts = new Uint32Array(latents * BINS);
    this.lowest = new Int32Array(latents).fill(NONE);
  }

  /** Counts a positive activation. */
  see(latent: number, value: number): void {
    float[0] = value;
    const bin = (bits[0] as number) >>> SHIFT;
    let lowest = this.lowest[latent] as number;
    if (bin >= lowest + BINS) {
      const needed = (Math.floor(bin / PER_OCTAVE) + 1) * PER_OCTAVE - BINS;
      if (lowest !== NONE) this.raise(latent, needed - lowest);
      this.lowest[latent] = lowest = needed;
    }
    const at = latent * BINS + Math.max(0, bin - lowest);
    this.counts[at] = (this.counts[at] as number) + 1;
  }

  /** Logarithmic bins from the weakest to the strongest activation seen; no bins for a silent latent. */
  histogram(latent: number): ActivationHistogram {
    const own = this.of(latent);
    const merge = PER_OCTAVE / PER_OCTAVE_SHOWN;
    const counts = Array.from({ length: BINS / merge }, (_, k) => own.subarray(k * merge, (k + 1) * merge).reduce((a, b) => a + b, 0));
    const first = counts.findIndex((n) => n > 0);
    if (first === -1) return { edges: [], counts: [] };
    const end = counts.findLastIndex((n) => n > 0) + 1;
    // The lowest bin holds whatever is weaker, too.
    const edge = (k: number): number => (k === 0 ? 0 : this.edge(latent, k * merge));
    return { edges: Array.from({ length: end - first + 1 }, (_, k) => edge(first + k)), counts: counts.slice(first, end) };
  }

  /** The same activations from 0 up in bars of equal width, 33 to 64 of them: bins of lower octaves lie within one bar each. */
  bars(latent: number): LinearBars {
    const lowest = this.lowest[latent] as number;
    if (lowest === NONE) return { step: 0, counts: [] };
    const step = this.edge(latent, BINS - PER_OCTAVE) / PER_OCTAVE;
    const counts = new Array<number>(2 * PER_OCTAVE).fill(0);
    this.of(latent).forEach((n, k) => {
      const bar = k === 0 ? 0 : Math.floor(this.edge(latent, k) / step);
      counts[bar] = (counts[bar] as number) + n;
    });
    return { step, counts: counts.slice(0, counts.findLastIndex((n) => n > 0) + 1) };
  }

  private of(latent: number): Uint32Array {
    return this.counts.subarray(latent * BINS, (latent + 1) * BINS);
  }

  /** Lower edge of a bin. */
  private edge(latent: number, bin: number): number {
    bits[0] = Math.max(0, (this.lowest[latent] as number) + bin) << SHIFT;
    return float[0] as number;
  }

  private raise(latent: number, by: number): void {
    const own = this.of(latent);
    const old = own.slice();
    own.fill(0);
    old.forEach((n, k) => {
      const to = Math.max(0, k - by);
      own[to] = (own[to] as number) + n;
    });
  }
}

/** Below every bin, so that the first activation sets the range. */
const NONE = -(2 ** 30);
