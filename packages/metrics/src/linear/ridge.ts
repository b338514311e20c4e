import { choleskyFactor, choleskySolve } from './cholesky.js';

/** Sums that determine a linear regression of targets y on inputs x. */
export interface NormalEquations {
  readonly inputs: number;
  readonly targets: number;
  readonly rows: number;
  /** [inputs] Σx */
  readonly inputSums: Float64Array;
  /** [targets] Σy */
  readonly targetSums: Float64Array;
  /** [inputs, inputs] Σxxᵀ */
  readonly gram: Float64Array;
  /** [inputs, targets] Σxyᵀ */
  readonly cross: Float64Array;
}

export interface LinearMap {
  readonly inputs: number;
  readonly targets: number;
  /** [inputs, targets] */
  readonly weights: Float64Array;
  /** [targets] */
  readonly bias: Float64Array;
}

export interface RidgeOptions {
  /** Relative to each input's own (centred) sum of squares; 0 = ordinary least squares. */
  readonly ridge: number;
  readonly intercept: boolean;
}

/** Factors the (centred) Gram matrix once; the function returned solves for any targets measured on the same rows. */
export function ridgeSolver(
  shared: Pick<NormalEquations, 'inputs' | 'rows' | 'inputSums' | 'gram'>,
  options: RidgeOptions,
): (equations: Pick<NormalEquations, 'targets' | 'targetSums' | 'cross'>) => LinearMap {
  const { inputs: d, rows: n, inputSums, gram } = shared;
  const mean = inputSums.map((s) => (options.intercept ? s / n : 0));
  const scale = Float64Array.from({ length: d }, (_, i) => {
    const s = (gram[i * d + i] as number) - n * (mean[i] as number) ** 2;
    return s > 1e-12 * (gram[i * d + i] as number) ? 1 / Math.sqrt(s) : 0;
  });
  // Unit diagonal before factoring: a few huge dimensions (attention sinks) would otherwise hide the rest.
  const scaled = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      const centred = (gram[i * d + j] as number) - n * (mean[i] as number) * (mean[j] as number);
      scaled[i * d + j] = centred * (scale[i] as number) * (scale[j] as number);
    }
    scaled[i * d + i] = scale[i] === 0 ? 1 : 1 + options.ridge;
  }
  const factor = choleskyFactor(scaled, d);
  return ({ targets: q, targetSums, cross }) => {
    const weights = new Float64Array(d * q);
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < q; j++) {
        weights[i * q + j] = ((cross[i * q + j] as number) - (mean[i] as number) * (targetSums[j] as number)) * (scale[i] as number);
      }
    }
    choleskySolve(factor, weights, q);
    const bias = targetSums.map((s) => (options.intercept ? s / n : 0));
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < q; j++) {
        const w = (weights[i * q + j] as number) * (scale[i] as number);
        weights[i * q + j] = w;
        bias[j] = (bias[j] as number) - w * (mean[i] as number);
      }
    }
    return { inputs: d, targets: q, weights, bias };
  };
}
