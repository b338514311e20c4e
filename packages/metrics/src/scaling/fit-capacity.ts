import { allocateCapacity, manifoldFeature, powerLawFrequencies } from './capacity-allocation.js';
import { fitPowerLaw } from './power-law.js';

/** The capacity-allocation model read from a width sweep. */
export interface CapacityFit {
  /**
   * `features`: D grows with the width, further latents go to features that had none. `manifolds`: D grows more slowly, further latents tile what
   * is represented already.
   */
  readonly regime: 'features' | 'manifolds';
  /** `capacity_alpha@1`: firing probabilities p_i ∝ i^−(1+α). */
  readonly alpha: number;
  /** `capacity_beta@1`: loss of one feature (n + 1)^−β; undefined where the sweep only says that it exceeds α. */
  readonly beta: number | undefined;
  /** Slope of log loss and log D on log width. */
  readonly lossExponent: number;
  readonly directionsExponent: number;
  /** [widths] loss of the fitted model under optimal allocation, scaled to the geometric mean of the measured losses. */
  readonly predicted: readonly number[];
}

export interface WidthSweep {
  readonly widths: readonly number[];
  /** Loss at each width, at one sparsity. */
  readonly loss: readonly number[];
  /** Distinct directions of each SAE, the stand-in for features that have at least one latent. */
  readonly directions: readonly number[];
}

/** D counts as growing with the width from this slope on. */
const LINEAR = 0.95;
/** Features of the numerical model per latent of the widest SAE; the tail beyond loses less than the fit can tell. */
const FEATURES_PER_LATENT = 40;

/**
 * Fits the two exponents of capacity allocation (arXiv 2509.02565): α < β gives D ∝ N and L ∝ N^−α; β < α gives D ∝ N^((1+β)/(1+α)) and
 * L ∝ N^−β. `predicted` is the model's own loss, from the numerical allocator. Undefined where the loss does not fall with the width.
 */
export function fitCapacity({ widths, loss, directions }: WidthSweep): CapacityFit | undefined {
  const lossExponent = fitPowerLaw(widths, loss).exponent;
  const directionsExponent = fitPowerLaw(widths, directions).exponent;
  if (!(lossExponent < 0) || !(directionsExponent > 0)) return undefined;
  const features = directionsExponent >= LINEAR;
  const beta = features ? undefined : -lossExponent;
  const alpha = beta === undefined ? -lossExponent : (1 + beta) / directionsExponent - 1;
  const order = [...widths.keys()].sort((a, b) => (widths[a] as number) - (widths[b] as number));
  const count = FEATURES_PER_LATENT * Math.max(...widths);
  // In the regime of features any β above α gives the same law; a steep one stands for it.
  const feature = manifoldFeature(beta ?? 2 + 2 * alpha);
  const model = allocateCapacity(powerLawFrequencies(alpha, count), () => feature, order.map((i) => widths[i] as number));
  const raw = Array.from(widths, () => 0);
  order.forEach((i, place) => (raw[i] = model.loss[place] as number));
  const scale = Math.exp(raw.reduce((sum, value, i) => sum + Math.log((loss[i] as number) / value), 0) / raw.length);
  return { regime: features ? 'features' : 'manifolds', alpha, beta, lossExponent, directionsExponent, predicted: raw.map((value) => scale * value) };
}
