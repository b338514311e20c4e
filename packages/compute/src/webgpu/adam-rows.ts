import { SalmonError } from '@salmon-sae/dataflow';
import { adamScalars } from '../optim/adam.js';
import { roundingSeed } from '../sparse/rounding-seed.js';
import type { AdamMatrix, AdamRowsUpdate, AdamStart, OwnedTensor } from '../sparse/sparse-ops.js';
import { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run } from './kernel.js';
import type { WebGpuRowGradient } from './owned.js';
import { FROZEN, WebGpuOwned } from './owned.js';
import { sumOverGroup } from './products.js';

const THREADS = 128;

/** Threads of one row; its sum of squares then scales it to unit length. */
const scaleToUnit = `
  let squares = group_sum(lane, sum);
  if (squares > 0.0 && group < p.latents) {
    let factor = 1.0 / sqrt(squares);
    for (var j = lane; j < p.width; j += ${THREADS}u) { values[f * p.width + j] *= factor; }
  }`;

const normalise: Kernel = {
  name: 'normalise rows',
  reads: {},
  writes: { values: 'f32' },
  parameters: { latents: 'u32', width: 'u32' },
  threads: THREADS,
  declarations: sumOverGroup(THREADS),
  body: `
  let f = min(group, p.latents - 1u);
  var sum = 0.0;
  for (var j = lane; j < p.width; j += ${THREADS}u) { sum += values[f * p.width + j] * values[f * p.width + j]; }
  ${scaleToUnit}`,
};

/** WGSL: the mixing function of `randomBits`, and rounding to bfloat16 up with the probability of the share cut off. */
const rounding = `
fn random_bits(entry: u32) -> u32 {
  var x = entry ^ p.seed;
  x = (x ^ (x >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}
fn kept_as(value: f32, random: u32) -> f32 {
  if (p.low == 0u) { return value; }
  return bitcast<f32>((bitcast<u32>(value) + (random & 0xffffu)) & 0xffff0000u);
}`;

function adamKernel(withMean: boolean): Kernel {
  return {
    name: withMean ? 'adam' : 'adam without first moment',
    reads: { gradient: 'f32', touched: 'u32' },
    writes: { values: 'f32', second: 'f32', ...(withMean ? { first: 'f32' } : {}) },
    parameters: { latents: 'u32', width: 'u32', unit: 'u32', clip: 'f32', step_size: 'f32', root: 'f32', beta1: 'f32', beta2: 'f32', rest1: 'f32', rest2: 'f32', eps: 'f32', low: 'u32', seed: 'u32' },
    threads: THREADS,
    declarations: `${sumOverGroup(THREADS)}${rounding}`,
    body: `
  let f = min(group, p.latents - 1u);
  let live = group < p.latents && touched[f] != ${FROZEN};
  let has = touched[f] == 1u;
  var sum = 0.0;
  for (var j = lane; live && j < p.width; j += ${THREADS}u) {
    let at = f * p.width + j;
    let g = select(0.0, gradient[at] * p.clip, has);
    let mean = ${withMean ? 'p.beta1 * first[at] + p.rest1 * g' : 'g'};
    let square = p.beta2 * second[at] + p.rest2 * g * g;
    let random = random_bits(at);
    ${withMean ? 'first[at] = kept_as(mean, random);' : ''}
    second[at] = kept_as(square, random >> 16u);
    // Without a first moment the step is exactly 0, also where the second is still 0 and eps is 0.
    if (mean != 0.0) { values[at] -= p.step_size * mean / (sqrt(square) / p.root + p.eps); }
    sum += values[at] * values[at];
  }
  if (p.unit == 0u) { return; }${withMean ? '' : '\n  if (!has) { sum = 0.0; }'}
  ${scaleToUnit}`,
  };
}

const withMean = adamKernel(true);
const withoutMean = adamKernel(false);

export function normaliseRows(matrix: WebGpuOwned): void {
  const [latents, width] = matrix.shape as [number, number];
  run(normalise, { tensors: { values: matrix.tensor() }, parameters: { latents, width }, groups: latents });
}

/** Moments in float32; bfloat16 ones are rounded like the other implementations' and take as much memory. */
export class WebGpuAdamMatrix implements AdamMatrix {
  readonly param: OwnedTensor;
  readonly first: WebGpuOwned | undefined;
  readonly second: WebGpuOwned;
  step: number;

  constructor(
    param: tf.Tensor2D,
    readonly start: AdamStart,
  ) {
    this.param = new WebGpuOwned(param);
    this.step = start.from?.step ?? 0;
    const zeros = tf.zeros(param.shape);
    this.first = start.beta1 === 0 ? undefined : new WebGpuOwned(start.from?.m ?? zeros);
    this.second = new WebGpuOwned(start.from?.v ?? zeros);
    zeros.dispose();
  }

  v(): tf.Tensor2D {
    return tf.add(this.second.tensor(), 0) as tf.Tensor2D;
  }

  m(): tf.Tensor2D | undefined {
    return this.first === undefined ? undefined : (tf.add(this.first.tensor(), 0) as tf.Tensor2D);
  }

  dispose(): void {
    for (const owned of [this.param, this.first, this.second]) owned?.dispose();
  }
}

export function adamRows(matrix: WebGpuAdamMatrix, gradient: WebGpuRowGradient, update: AdamRowsUpdate): void {
  const { start, first } = matrix;
  if (update.step !== matrix.step + 1) {
    throw new SalmonError('bad-config', { what: 'Adam updates must be numbered without gaps', expected: String(matrix.step + 1), got: String(update.step) });
  }
  const { stepSize, rootCorrection } = adamScalars(start, update.step, update.learningRate);
  const { latents, width, values, touched } = gradient;
  const parameters = {
    latents,
    width,
    unit: update.normalise === true ? 1 : 0,
    clip: update.clip,
    step_size: stepSize,
    root: rootCorrection,
    beta1: start.beta1,
    beta2: start.beta2,
    rest1: 1 - start.beta1,
    rest2: 1 - start.beta2,
    eps: start.eps,
    low: start.moments === 'bf16' ? 1 : 0,
    seed: roundingSeed(start.seed ?? 0, update.step),
  };
  const tensors = { values: matrix.param.tensor(), second: matrix.second.tensor(), gradient: values, touched };
  if (first === undefined) run(withoutMean, { tensors, parameters, groups: latents });
  else run(withMean, { tensors: { ...tensors, first: first.tensor() }, parameters, groups: latents });
  matrix.step = update.step;
}
