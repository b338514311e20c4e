import { tf } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { TensorMap } from '../architectures/architecture.js';
import { lengthInSteps } from './schedule.js';
import type { ResolvedSpec } from './train-spec.js';
import type { StepSchedule } from './training-config.js';

export interface ResampleRequest {
  readonly x: tf.Tensor2D;
  readonly target: tf.Tensor2D;
  readonly params: TensorMap;
  readonly slots: TensorMap;
  readonly state: TensorMap;
  readonly silence: tf.Tensor1D;
  readonly schedule: StepSchedule;
  readonly deadAfter: number;
}

/** Encoder columns of re-drawn latents get this share of the mean norm of the living (Bricken et al. 2023). */
const ENCODER_SHARE = 0.2;

/**
 * Re-draws dead latents from inputs chosen with probability proportional to their squared loss: decoder row and encoder column
 * along x - b_dec, bias 0, optimiser moments 0 (Bricken et al. 2023; dictionary_learning's StandardTrainer). Runs inside the
 * step's tidy, at multiples of `resampleEvery`; undefined where it is not due or nothing is dead.
 */
export function resampleDead(spec: ResolvedSpec, request: ResampleRequest): { params: TensorMap; slots: TensorMap; silence: tf.Tensor1D } | undefined {
  const { training, sae } = spec.config;
  const { params, slots, silence, schedule } = request;
  const done = schedule.step + 1;
  if (training.resampleEvery === null || done % training.resampleEvery !== 0) return undefined;
  if (done > lengthInSteps(training.resampleUntil, training.steps)) return undefined;
  const W_enc = params['W_enc'] as tf.Tensor2D | undefined;
  const W_dec = params['W_dec'] as tf.Tensor2D | undefined;
  if (W_enc === undefined || W_dec === undefined || W_enc.shape[0] !== W_dec.shape[1]) return undefined;

  const dead = tf.greaterEqual(silence, Math.ceil(request.deadAfter));
  const deadIndex = Array.from(dead.dataSync()).flatMap((d, i) => (d ? [i] : []));
  if (deadIndex.length === 0) return undefined;

  const picked = pickRows(spec, request, deadIndex.length);
  const bias = params['b_dec'];
  const rows = tf.gather(request.x, tf.tensor1d(picked, 'int32'));
  const centred = bias === undefined ? rows : tf.sub<tf.Tensor2D>(rows, bias);
  const directions = tf.div<tf.Tensor2D>(centred, tf.maximum(tf.norm(centred, 'euclidean', 1, true), 1e-12));

  const place = tf.tensor2d(deadIndex, [deadIndex.length, 1], 'int32');
  const scatter = (values: tf.Tensor2D): tf.Tensor2D => tf.scatterND(place, values, [sae.latents, values.shape[1]]);
  const column = tf.reshape(dead, [-1, 1]) as tf.Tensor2D;
  const row = tf.reshape(dead, [1, -1]) as tf.Tensor2D;
  const living = tf.logicalNot(dead);
  const norms = tf.norm(W_enc, 'euclidean', 0) as tf.Tensor1D;
  const count = tf.maximum(tf.sum(tf.cast(living, 'float32')), 1);
  const share = tf.mul(tf.div(tf.sum(tf.where(living, norms, tf.zerosLike(norms))), count), ENCODER_SHARE);
  const full = scatter(directions);

  const nextParams: Record<string, tf.Tensor> = { ...params };
  nextParams['W_dec'] = tf.where(column, full, W_dec);
  nextParams['W_enc'] = tf.where(row, tf.transpose(tf.mul(full, share)), W_enc);
  const encoderBias = params['b_enc'];
  if (encoderBias !== undefined) nextParams['b_enc'] = tf.where(dead, tf.zerosLike(encoderBias), encoderBias);

  const nextSlots: Record<string, tf.Tensor> = { ...slots };
  for (const [name, slot] of Object.entries(slots)) {
    const parameter = name.slice(2);
    const mask = parameter === 'W_enc' ? row : parameter === 'W_dec' ? column : parameter === 'b_enc' ? dead : undefined;
    if (mask !== undefined) nextSlots[name] = tf.where(mask, tf.zerosLike(slot), slot);
  }
  return { params: nextParams, slots: nextSlots, silence: tf.where(dead, tf.zerosLike(silence), silence) };
}

/** Row indices of this batch, drawn with replacement with probability proportional to (squared error)^2. */
function pickRows(spec: ResolvedSpec, request: ResampleRequest, n: number): Int32Array {
  const { architecture, config } = spec;
  const context = {
    config: config.sae,
    params: request.params,
    state: request.state,
    x: request.x,
    schedule: request.schedule,
    matMul: (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D => tf.matMul(a, b),
  };
  const recon = architecture.decode(context, architecture.encode(context));
  const errors = tf.sum(tf.square(tf.sub(recon, request.target)), 1).dataSync();
  const cumulative = new Float64Array(errors.length);
  let sum = 0;
  for (let i = 0; i < errors.length; i++) cumulative[i] = sum += errors[i]! ** 2;
  const generator = random(config.training.seed, 'resample', request.schedule.step);
  return Int32Array.from({ length: n }, () => {
    const at = generator.next() * sum;
    const found = cumulative.findIndex((c) => c > at);
    return found < 0 ? errors.length - 1 : found;
  });
}
