import { tf } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { sparseConfig } from '../fast/coverage.js';
import type { ResolvedSpec } from './train-spec.js';

/** What a run will take, before it is started. */
export interface Estimate {
  readonly id: string;
  readonly parameters: number;
  /** Parameters with both optimiser slots: float32, but for bfloat16 moments of the two matrices where `training.moments` says so. */
  readonly weightBytes: number;
  /**
   * Rough peak of one step. On sparse arithmetic: the weights, the gradients of the two matrices and a bounded workspace. Else the weights
   * twice (old and new) and six [batch, latents] matrices.
   */
  readonly stepBytes: number;
  /** Dense arithmetic of one step: encoder and decoder forward, and their three gradient products. */
  readonly flopsPerStep: number;
  readonly tokens: number;
  /** Dense time at the matrix rate measured; a sparse training step takes less, memory-bound work adds to it. */
  readonly seconds: number;
}

export interface EstimateOptions {
  readonly width: number;
  readonly outWidth?: number;
  /** Float32 matrix rate in FLOP/s, as `measureMatrixRate` gives it. */
  readonly rate: number;
}

/** Matrices of [batch, latents] that are alive at once in an autodiff step (pre-activations, gate, codes and their gradients). */
const LIVE_MATRICES = 6;

/** Of a sparse step: at most this much of the pre-activations with what is made of them, while a step still has to be dense; batches alive at once. */
const SPARSE_WORKSPACE = 1e9;
const LIVE_BATCHES = 8;

/** Parameters, memory, arithmetic and time of one SAE's training, from its configuration alone. */
export function estimate(spec: ResolvedSpec, options: EstimateOptions): Estimate {
  const { sae, training, id } = spec.config;
  const { width, outWidth = width, rate } = options;
  const arrays = spec.architecture.init(sae, { width, outWidth, random: random(0, 'estimate') });
  const parameters = Object.values(arrays).reduce((n, a) => n + a.data.length, 0);
  const { latents } = sae;
  const { batch, steps } = training;
  const flopsPerStep = 2 * batch * latents * (2 * width + 3 * outWidth);
  const matrices = (arrays['W_enc']?.data.length ?? 0) + (arrays['W_dec']?.data.length ?? 0);
  const slotSaving = training.moments === 'bf16' ? matrices * 4 : 0;
  const weightBytes = parameters * 4 * 3 - slotSaving;
  const sparse = sparseConfig(spec) !== undefined;
  return {
    id,
    parameters,
    weightBytes,
    stepBytes: sparse ? weightBytes + matrices * 4 + SPARSE_WORKSPACE + LIVE_BATCHES * batch * (width + outWidth) * 4 : 2 * weightBytes + LIVE_MATRICES * batch * latents * 4,
    flopsPerStep,
    tokens: steps * batch,
    seconds: (flopsPerStep * steps) / rate,
  };
}

/** Float32 matrix rate of this machine in FLOP/s: the best of a few products of about the given size. Takes well under a second. */
export function measureMatrixRate(size: { readonly rows: number; readonly width: number; readonly latents: number } = { rows: 512, width: 512, latents: 2048 }): number {
  const { rows, width, latents } = size;
  return tf.tidy(() => {
    const a = tf.fill([rows, width], 0.5) as tf.Tensor2D;
    const b = tf.fill([width, latents], 0.25) as tf.Tensor2D;
    const once = (): number => {
      const start = performance.now();
      const product = tf.matMul(a, b);
      tf.max(product).dataSync();
      product.dispose();
      return performance.now() - start;
    };
    once();
    const best = Math.min(...Array.from({ length: 5 }, once));
    return (2 * rows * width * latents) / (best / 1000);
  });
}
