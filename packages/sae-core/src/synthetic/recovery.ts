import { SalmonError } from '@salmon-sae/dataflow';
import type { SparseCodes } from '@salmon-sae/dataflow';
import type { Sae } from '../sae.js';
import { denseCodes } from '../inference/csr-builder.js';
import { rowNorms } from '../inference/decode-rows.js';
import { assign } from './assignment.js';
import type { GroundTruth } from './ground-truth.js';
import type { TruthSample } from './sample-truth.js';

/** How well an SAE found a known truth. Shares and cosines are between 0 and 1. */
export interface Recovery {
  /** Mean over true features of the largest cosine to any decoder row. */
  readonly meanMaxCosine: number;
  /** Share of true features whose assigned latent (one latent each, by decoder cosine) has a cosine of at least 0.9. */
  readonly matched: number;
  /** Mean F1 of "the assigned latent fires" against "the feature is active", over features that occur in the sample. */
  readonly f1: number;
  /**
   * Share of rows with a child (and so its parent) active on which the parent's latent is silent while the child's latent, whose decoder row
   * leans towards the parent (cosine >= 0.025), fires: absorption in the sense of arXiv 2409.14507, without probes because the truth is known.
   */
  readonly absorption: number;
  /** Latents per circle with at least 0.9 of their decoder row in the circle's plane. */
  readonly latentsPerCircle: number;
  /** 1 - sum ||x - x_hat||^2 / sum ||x - mean||^2 */
  readonly explained: number;
  /** Mean number of active latents per row. */
  readonly l0: number;
  /** Latents that never fire in the sample. */
  readonly dead: number;
}

const MATCH = 0.9;
/** arXiv 2409.14507, section 5: the smallest cosine between the absorbing latent and the parent's direction. */
const LEANING = 0.025;

/** Measures an SAE (any kind with a decoder) against a ground truth, on a sample it was not trained on. */
export function recovery(truth: GroundTruth, sae: Sae, sample: TruthSample): Recovery {
  const { width, features, circles } = truth.config;
  const W_dec = sae.state.weights['W_dec'];
  if (W_dec === undefined || sae.width !== width || sae.outWidth !== width) {
    const got = `${sae.width} in, ${sae.outWidth} out`;
    throw new SalmonError('bad-shape', { what: 'The SAE does not read these activations', where: 'recovery', expected: `width ${width}`, got });
  }
  const F = sae.latents;
  const rows = unit(W_dec.data, F);
  const cosine = products(truth.directions, rows, width);
  const latentOf = match(cosine, features, F);
  const { codes, recon } = sae.run(sample.values, sample.rows);
  const fired = fires(codes);
  const actual = fires(sample.codes);
  let maxSum = 0;
  let matched = 0;
  for (let i = 0; i < features; i++) {
    maxSum += Math.max(...cosine.subarray(i * F, (i + 1) * F));
    if ((latentOf[i] as number) >= 0 && (cosine[i * F + (latentOf[i] as number)] as number) >= MATCH) matched += 1;
  }
  return {
    meanMaxCosine: maxSum / features,
    matched: matched / features,
    f1: meanF1({ fired, actual, latentOf, rows: sample.rows, F, features }),
    absorption: absorption(truth, { fired, actual, latentOf, rows: sample.rows, F, features }, cosine),
    latentsPerCircle: circles === 0 ? 0 : inPlanes(truth, rows, F) / circles,
    explained: explained(sample.values, recon, width),
    l0: codes.indices.length / sample.rows,
    dead: F - new Set(codes.indices).size,
  };
}

interface Firing {
  /** [rows, F] */
  readonly fired: Uint8Array;
  /** [rows, features] */
  readonly actual: Uint8Array;
  readonly latentOf: Int32Array;
  readonly rows: number;
  readonly F: number;
  readonly features: number;
}

/** One latent per feature (or, with fewer latents than features, one feature per latent): -1 = none. */
function match(cosine: Float32Array, features: number, F: number): Int32Array {
  if (features <= F) return assign(cosine, features, F);
  const turned = new Float32Array(cosine.length);
  for (let i = 0; i < features; i++) for (let j = 0; j < F; j++) turned[j * features + i] = cosine[i * F + j] as number;
  const latentOf = new Int32Array(features).fill(-1);
  assign(turned, F, features).forEach((feature, latent) => void (latentOf[feature] = latent));
  return latentOf;
}

function meanF1({ fired, actual, latentOf, rows, F, features }: Firing): number {
  let sum = 0;
  let counted = 0;
  for (let i = 0; i < features; i++) {
    const latent = latentOf[i] as number;
    let both = 0;
    let either = 0;
    let occurs = 0;
    for (let row = 0; row < rows; row++) {
      const truth = actual[row * features + i] as number;
      const guess = latent < 0 ? 0 : (fired[row * F + latent] as number);
      both += truth & guess;
      either += truth + guess;
      occurs += truth;
    }
    if (occurs === 0) continue;
    sum += (2 * both) / either;
    counted += 1;
  }
  return counted === 0 ? 0 : sum / counted;
}

function absorption(truth: GroundTruth, { fired, actual, latentOf, rows, F, features }: Firing, cosine: Float32Array): number {
  let absorbed = 0;
  let cases = 0;
  truth.parent.forEach((parent, child) => {
    if (parent < 0) return;
    const [main, other] = [latentOf[parent] as number, latentOf[child] as number];
    const leans = other >= 0 && (cosine[parent * F + other] as number) >= LEANING;
    for (let row = 0; row < rows; row++) {
      if (actual[row * features + child] === 0) continue;
      cases += 1;
      const silent = main < 0 || fired[row * F + main] === 0;
      if (silent && leans && fired[row * F + other] === 1) absorbed += 1;
    }
  });
  return cases === 0 ? 0 : absorbed / cases;
}

function inPlanes(truth: GroundTruth, rows: Float32Array, F: number): number {
  const { width, circles } = truth.config;
  const dots = products(truth.circles, rows, width);
  let count = 0;
  for (let c = 0; c < circles; c++) {
    for (let j = 0; j < F; j++) if (Math.hypot(dots[2 * c * F + j] as number, dots[(2 * c + 1) * F + j] as number) >= 0.9) count += 1;
  }
  return count;
}

function explained(x: Float32Array, recon: Float32Array, width: number): number {
  const rows = x.length / width;
  const mean = new Float64Array(width);
  for (let i = 0; i < x.length; i++) mean[i % width] = (mean[i % width] as number) + (x[i] as number) / rows;
  let error = 0;
  let spread = 0;
  for (let i = 0; i < x.length; i++) {
    error += ((x[i] as number) - (recon[i] as number)) ** 2;
    spread += ((x[i] as number) - (mean[i % width] as number)) ** 2;
  }
  return 1 - error / spread;
}

function fires(codes: SparseCodes): Uint8Array {
  return Uint8Array.from(denseCodes(codes), (value) => (value > 0 ? 1 : 0));
}

function unit(matrix: Float32Array, rows: number): Float32Array {
  const norms = rowNorms(matrix, rows);
  const width = matrix.length / rows;
  return matrix.map((value, i) => value / (norms[Math.floor(i / width)] || 1));
}

/** a @ b^T of row-major matrices of the same width. */
function products(a: Float32Array, b: Float32Array, width: number): Float32Array {
  const [rows, columns] = [a.length / width, b.length / width];
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += (a[i * width + d] as number) * (b[j * width + d] as number);
      out[i * columns + j] = sum;
    }
  }
  return out;
}
