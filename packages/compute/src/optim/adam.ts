import { SalmonError } from '@salmon-sae/dataflow';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { tf } from '../tf.js';

export interface AdamConfig {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/** PyTorch's defaults. */
export const adamDefaults: AdamConfig = { beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/** First and second moments by parameter name, and the number of updates made. The holder disposes the tensors. */
export interface AdamSlots {
  readonly step: number;
  readonly m: NamedTensors;
  readonly v: NamedTensors;
}

export interface AdamUpdate {
  readonly params: NamedTensors;
  readonly grads: NamedTensors;
  readonly slots: AdamSlots;
  readonly learningRate: number;
}

export interface Adam {
  readonly config: AdamConfig;
  init(params: NamedTensors): AdamSlots;
  /** New parameters and slots; the old ones stay as they are. Parameters without a gradient are passed on as clones, untouched. */
  update(update: AdamUpdate): { readonly params: NamedTensors; readonly slots: AdamSlots };
}

/** Adam (arXiv 1412.6980, algorithm 1) with PyTorch's arithmetic: eps outside the bias-corrected root, step scalars in float64. */
export function adam(options: Partial<AdamConfig> = {}): Adam {
  const config = { ...adamDefaults, ...options };
  checkBeta('beta1', config.beta1);
  checkBeta('beta2', config.beta2);
  return { config, init: adamInit, update: (update) => adamUpdate(config, update) };
}

/** Scalars of update number `step` (from 1), in float64. */
export function adamScalars(config: AdamConfig, step: number, learningRate: number): { readonly stepSize: number; readonly rootCorrection: number } {
  return { stepSize: learningRate / (1 - config.beta1 ** step), rootCorrection: Math.sqrt(1 - config.beta2 ** step) };
}

function adamInit(params: NamedTensors): AdamSlots {
  const zeros = (): NamedTensors => mapTensors(params, (p) => tf.zerosLike(p));
  return { step: 0, m: zeros(), v: zeros() };
}

function adamUpdate(config: AdamConfig, update: AdamUpdate): { params: NamedTensors; slots: AdamSlots } {
  const step = update.slots.step + 1;
  const { stepSize, rootCorrection } = adamScalars(config, step, update.learningRate);
  const params: Record<string, tf.Tensor> = {};
  const m: Record<string, tf.Tensor> = {};
  const v: Record<string, tf.Tensor> = {};
  for (const [name, param] of Object.entries(update.params)) {
    const m0 = slot(update.slots.m, name);
    const v0 = slot(update.slots.v, name);
    const grad = update.grads[name];
    const [p1, m1, v1] = tf.tidy(() => {
      if (grad === undefined) return [param.clone(), m0.clone(), v0.clone()];
      const mean = tf.add(tf.mul(m0, config.beta1), tf.mul(grad, 1 - config.beta1));
      const square = tf.add(tf.mul(v0, config.beta2), tf.mul(tf.square(grad), 1 - config.beta2));
      const denominator = tf.add(tf.div(tf.sqrt(square), rootCorrection), config.eps);
      return [tf.sub(param, tf.mul(tf.div(mean, denominator), stepSize)), mean, square];
    }) as [tf.Tensor, tf.Tensor, tf.Tensor];
    params[name] = p1;
    m[name] = m1;
    v[name] = v1;
  }
  return { params, slots: { step, m, v } };
}

function mapTensors(tensors: NamedTensors, map: (tensor: tf.Tensor) => tf.Tensor): NamedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, map(tensor)]));
}

function slot(slots: NamedTensors, name: string): tf.Tensor {
  const found = slots[name];
  if (found === undefined) {
    throw new SalmonError('bad-config', {
      what: `The optimizer holds no moments for parameter "${name}"`,
      expected: 'slots made by init() for the same parameters',
      got: Object.keys(slots).join(', ') || 'none',
    });
  }
  return found;
}

function checkBeta(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) {
    throw new SalmonError('bad-config', { what: `Adam's ${name} is out of range`, expected: '0 <= beta < 1', got: String(value) });
  }
}
