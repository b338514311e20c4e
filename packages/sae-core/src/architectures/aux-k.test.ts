import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { lossContext } from '../train/autodiff-step.js';
import { scheduleAt } from '../train/schedule.js';
import { resolveSpec } from '../train/train-spec.js';
import type { TensorMap } from './architecture.js';
import { ARCHITECTURES } from './architectures.js';
import { AUX_DEFAULTS, AUX_SAELENS, type AuxConfig } from './aux-k.js';
import { topK } from './topk.js';

beforeAll(async () => {
  await useBackend();
});

const ROWS = 10;
const WIDTH = 6;
const LATENTS = 12;
const DEAD = [8, 9, 10, 11];

/** The AuxK part of a TopK loss and its gradients, with the last four latents dead (their encoder bias is `bias`). */
function aux(config: AuxConfig, options: { readonly bias?: number; readonly dead?: readonly number[]; readonly constant?: boolean } = {}): { value: number; variance: number; grads: Record<string, Float32Array> } {
  const { bias = -0.5, dead = DEAD, constant = false } = options;
  const spec = resolveSpec({ sae: topK({ latents: LATENTS, k: 3, aux: config, decoderBiasInit: 'zero' }), training: { deadAfter: 50, deadRule: 'before-step', steps: 100, batch: ROWS } }, {}, ARCHITECTURES);
  return tf.tidy(() => {
    const generator = random(2, 'aux');
    const init = spec.architecture.init(spec.config.sae, { width: WIDTH, outWidth: WIDTH, random: generator });
    const params: Record<string, tf.Tensor> = Object.fromEntries(Object.entries(init).map(([n, a]) => [n, tf.tensor(a.data, [...a.shape])]));
    params['b_enc'] = tf.tensor1d(Float32Array.from({ length: LATENTS }, (_, i) => (DEAD.includes(i) ? bias : 0)));
    const row = Array.from({ length: WIDTH }, () => generator.normal());
    const x = tf.tensor2d(Float32Array.from({ length: ROWS * WIDTH }, (_, i) => (constant ? row[i % WIDTH]! : generator.normal())), [ROWS, WIDTH]);
    const silence = tf.tensor1d(Int32Array.from({ length: LATENTS }, (_, i) => (dead.includes(i) ? 1000 : 0)), 'int32');
    const names = Object.keys(params);
    const loss = (): tf.Scalar => {
      const request = { params: params as TensorMap, state: {}, x, target: x, schedule: scheduleAt(spec.config.training, 50), silence, stats: false };
      return spec.architecture.loss(lossContext(spec, { width: WIDTH, outWidth: WIDTH, deadAfter: 50 }, request)).parts['aux']!;
    };
    const variance = tf.div(tf.sum(tf.square(tf.sub(x, tf.mean(x, 0)))), ROWS).dataSync()[0]!;
    if (dead.length === 0) return { value: loss().dataSync()[0]!, variance, grads: {} };
    const { value, grads } = tf.engine().gradients(loss, names.map((n) => params[n]!), undefined, true);
    return {
      value: value.dataSync()[0]!,
      variance,
      grads: Object.fromEntries(names.map((n, i) => [n, (grads[i]?.dataSync() ?? new Float32Array(params[n]!.size)) as Float32Array])),
    };
  });
}

const some = (values: Float32Array): boolean => values.some((v) => v !== 0);

describe('AuxK', () => {
  it('trains dead latents only: the residual is detached and the bias is not decoded again', () => {
    const { value, grads } = aux({ ...AUX_SAELENS });
    expect(value).toBeGreaterThan(0);
    const decoder = grads['W_dec']!;
    expect(some(decoder.subarray(0, 8 * WIDTH))).toBe(false);
    expect(some(decoder.subarray(8 * WIDTH))).toBe(true);
    const encoder = grads['b_enc']!;
    expect(some(encoder.subarray(0, 8))).toBe(false);
    expect(some(encoder.subarray(8))).toBe(true);
  });

  it('reaches latents whose pre-activation is always negative with raw pre-activations, and not after ReLU', () => {
    expect(some(aux({ ...AUX_SAELENS }, { bias: -20 }).grads['b_enc']!)).toBe(true);
    expect(some(aux({ ...AUX_DEFAULTS }, { bias: -20 }).grads['b_enc']!)).toBe(false);
  });

  it('is 0 where nothing is dead, and where the residual has no variance', () => {
    expect(aux({ ...AUX_DEFAULTS }, { dead: [] }).value).toBe(0);
    expect(aux({ ...AUX_DEFAULTS }, { constant: true }).value).toBe(0);
  });

  it('scales by the share of dead latents and by the variance as asked', () => {
    const whole = aux({ ...AUX_SAELENS, scaleByDead: false, k: 8 }).value;
    expect(aux({ ...AUX_SAELENS, scaleByDead: true, k: 8 }).value).toBeCloseTo(whole / 2, 4);
    expect(aux({ ...AUX_SAELENS, scaleByDead: false, k: 8, coefficient: 3 }).value).toBeCloseTo(3 * whole, 4);
    const { value, variance } = aux({ ...AUX_SAELENS, scaleByDead: false, k: 8, normalize: 'target-variance' });
    expect(value * variance).toBeCloseTo(whole, 3);
  });
});
