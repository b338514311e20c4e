import { minimise } from '../probes/minimise.js';
import type { DomainRows } from './dense-task.js';
import { headCorrect, logitsOf, softmaxLoss } from './dense-task.js';

export interface FrrOptions {
  /** Weight λ of the reconstruction of the features from the logits (default 1; 0 = plain softmax regression). */
  readonly weight?: number;
  readonly l2?: number;
  readonly iterations?: number;
}

export interface FrrHead {
  /** [classes * width] weights on standardised features, then [classes] biases. */
  readonly parameters: Float64Array;
  /**
   * `frr_latents_used@1`: effective number of features the head relies on, (Σ_d s_d)² / Σ_d s_d² with s_d = Σ_c W_cd²; 1 = one shortcut
   * feature.
   */
  readonly featuresUsed: number;
  /** Mean squared error of the features reconstructed from the logits, per standardised feature. */
  readonly reconstruction: number;
  accuracy(data: DomainRows): number;
}

/**
 * Feature reconstruction regularizer, FRR-L (arXiv 2210.01360): a softmax head ℓ = W z + b on frozen features together with a linear map g,
 * minimising CE + λ mean‖z − g(ℓ)‖² / width, so that the logits keep what the features say instead of one shortcut.
 */
export function frrHead(train: DomainRows, options: FrrOptions = {}): FrrHead {
  const { width, classes, rows } = train;
  const lambda = options.weight ?? 1;
  const l2 = options.l2 ?? 1e-3;
  const scale = featureScale(train);
  const z = { data: scaled(train, scale), columns: width };
  const head = classes * width + classes;
  const decode = (p: Float64Array, d: number, c: number): number => p[head + d * (classes + 1) + c] as number;

  const reconstruct = (p: Float64Array, gradient: Float64Array): number => {
    let loss = 0;
    const unit = 1 / (rows * width);
    const logits = new Float64Array(classes);
    const back = new Float64Array(classes);
    for (let t = 0; t < rows; t++) {
      logitsOf(logits, p, z, t);
      back.fill(0);
      for (let d = 0; d < width; d++) {
        let guess = decode(p, d, classes);
        for (let c = 0; c < classes; c++) guess += decode(p, d, c) * (logits[c] as number);
        const miss = guess - (z.data[t * width + d] as number);
        loss += unit * miss * miss;
        const slope = 2 * lambda * unit * miss;
        const at = head + d * (classes + 1);
        for (let c = 0; c < classes; c++) {
          gradient[at + c] = (gradient[at + c] as number) + slope * (logits[c] as number);
          back[c] = (back[c] as number) + slope * (p[at + c] as number);
        }
        gradient[at + classes] = (gradient[at + classes] as number) + slope;
      }
      for (let c = 0; c < classes; c++) {
        const slope = back[c] as number;
        for (let d = 0; d < width; d++) gradient[c * width + d] = (gradient[c * width + d] as number) + slope * (z.data[t * width + d] as number);
        gradient[classes * width + c] = (gradient[classes * width + c] as number) + slope;
      }
    }
    return loss;
  };

  // W = 0 and g = 0 together are a saddle of the reconstruction term: start g along the classes' means.
  const start = new Float64Array(head + width * (classes + 1));
  for (let t = 0; t < rows; t++) {
    for (let d = 0; d < width; d++) {
      const at = head + d * (classes + 1) + (train.label[t] as number);
      start[at] = (start[at] as number) + (z.data[t * width + d] as number) / rows;
    }
  }
  const parameters = minimise(
    (p, gradient) => {
      let loss = softmaxLoss(p, gradient, { z, label: train.label, classes });
      if (lambda > 0) loss += lambda * reconstruct(p, gradient);
      for (let i = 0; i < p.length; i++) {
        loss += 0.5 * l2 * (p[i] as number) ** 2;
        gradient[i] = (gradient[i] as number) + l2 * (p[i] as number);
      }
      return loss;
    },
    start,
    { iterations: options.iterations ?? 300 },
  );

  return {
    parameters,
    featuresUsed: effectiveFeatures(parameters, width, classes),
    reconstruction: reconstruct(parameters, new Float64Array(parameters.length)),
    accuracy: (data) => {
      const correct = headCorrect(parameters, { data: scaled(data, scale), columns: width }, data.label, classes);
      return correct.reduce((n, c) => n + c, 0) / correct.length;
    },
  };
}

function effectiveFeatures(p: Float64Array, width: number, classes: number): number {
  let sum = 0;
  let squares = 0;
  for (let d = 0; d < width; d++) {
    let s = 0;
    for (let c = 0; c < classes; c++) s += (p[c * width + d] as number) ** 2;
    sum += s;
    squares += s * s;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}

interface FeatureScale {
  readonly mean: Float64Array;
  readonly gain: Float64Array;
}

function featureScale({ rows, width, x }: DomainRows): FeatureScale {
  const mean = new Float64Array(width);
  const gain = new Float64Array(width);
  for (let i = 0; i < rows * width; i++) mean[i % width] = (mean[i % width] as number) + (x[i] as number) / rows;
  for (let i = 0; i < rows * width; i++) gain[i % width] = (gain[i % width] as number) + ((x[i] as number) - (mean[i % width] as number)) ** 2 / rows;
  return { mean, gain: gain.map((v) => (v > 1e-20 ? 1 / Math.sqrt(v) : 0)) };
}

function scaled({ x, width }: DomainRows, { mean, gain }: FeatureScale): Float64Array {
  return Float64Array.from(x, (v, i) => (v - (mean[i % width] as number)) * (gain[i % width] as number));
}
