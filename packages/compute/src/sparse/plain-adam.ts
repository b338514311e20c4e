import { SalmonError } from '@salmon-sae/dataflow';
import { adamScalars } from '../optim/adam.js';
import { tf } from '../tf.js';
import type { PlainRowGradient } from './plain-owned.js';
import { PlainOwned } from './plain-owned.js';
import { randomBits, roundingSeed } from './rounding-seed.js';
import type { AdamMatrix, AdamRowsUpdate, AdamStart } from './sparse-ops.js';

export class PlainAdamMatrix implements AdamMatrix {
  readonly param: PlainOwned;
  /** With bfloat16 moments every value is one that bfloat16 can hold. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  step: number;

  constructor(
    param: tf.Tensor2D,
    readonly start: AdamStart,
  ) {
    this.param = new PlainOwned(param);
    this.step = start.from?.step ?? 0;
    this.first = start.from?.m === undefined ? new Float32Array(param.size) : Float32Array.from(start.from.m.dataSync());
    this.second = start.from === undefined ? new Float32Array(param.size) : Float32Array.from(start.from.v.dataSync());
  }

  v(): tf.Tensor2D {
    return tf.tensor2d(this.second.slice(), this.param.shape as [number, number]);
  }

  m(): tf.Tensor2D | undefined {
    return this.start.beta1 === 0 ? undefined : tf.tensor2d(this.first.slice(), this.param.shape as [number, number]);
  }

  dispose(): void {
    this.param.dispose();
  }
}

export function plainAdamRows(matrix: PlainAdamMatrix, gradient: PlainRowGradient, update: AdamRowsUpdate): void {
  const { beta1, beta2, eps } = matrix.start;
  if (update.step !== matrix.step + 1) {
    throw new SalmonError('bad-config', { what: 'Adam updates must be numbered without gaps', expected: String(matrix.step + 1), got: String(update.step) });
  }
  const { stepSize, rootCorrection } = adamScalars(matrix.start, update.step, update.learningRate);
  const param = matrix.param.write();
  const { first, second } = matrix;
  const low = matrix.start.moments === 'bf16';
  const seed = roundingSeed(matrix.start.seed ?? 0, update.step);
  for (let f = 0; f < gradient.latents; f++) {
    if ((gradient.touched[f] as number) < 0) continue;
    const has = gradient.touched[f] === 1;
    for (let i = f * gradient.width; i < (f + 1) * gradient.width; i++) {
      const g = has ? (gradient.values[i] as number) * update.clip : 0;
      const mean = beta1 * (first[i] as number) + (1 - beta1) * g;
      const square = beta2 * (second[i] as number) + (1 - beta2) * g * g;
      const random = low ? randomBits(seed, i) : 0;
      first[i] = low ? roundAtRandom(mean, random & 0xffff) : mean;
      second[i] = low ? roundAtRandom(square, random >>> 16) : square;
      // With beta1 = 0 and no gradient the step is exactly 0, also where v is still 0 and eps is 0.
      if (mean !== 0) param[i] = (param[i] as number) - (stepSize * mean) / (Math.sqrt(square) / rootCorrection + eps);
    }
    if (update.normalise === true && (has || beta1 !== 0)) normaliseRow(param, f * gradient.width, gradient.width);
  }
  matrix.step = update.step;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** To bfloat16: up with the probability of the share cut off, by 16 random bits. */
function roundAtRandom(value: number, random: number): number {
  float[0] = value;
  bits[0] = (((bits[0] as number) + random) & 0xffff0000) >>> 0;
  return float[0];
}

export function normaliseRow(values: Float32Array, from: number, width: number): void {
  let squares = 0;
  for (let i = from; i < from + width; i++) squares += (values[i] as number) ** 2;
  if (squares === 0) return;
  const factor = 1 / Math.sqrt(squares);
  for (let i = from; i < from + width; i++) values[i] = (values[i] as number) * factor;
}
