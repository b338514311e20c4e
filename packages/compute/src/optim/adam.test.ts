import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { adam, adamScalars, clipFactor, clipGlobalNorm, disposeAll, globalNorm, tf, useBackend } from '../index.js';

beforeAll(async () => {
  await useBackend();
});

/** PyTorch's Adam for one number, in float64: torch.optim.Adam, amsgrad and weight decay off. */
function reference(gradients: readonly number[], config: { readonly beta1: number; readonly beta2: number; readonly eps: number; readonly lr: number }): number {
  let [w, m, v] = [1, 0, 0];
  gradients.forEach((g, i) => {
    m = config.beta1 * m + (1 - config.beta1) * g;
    v = config.beta2 * v + (1 - config.beta2) * g * g;
    const denominator = Math.sqrt(v) / Math.sqrt(1 - config.beta2 ** (i + 1)) + config.eps;
    w -= (config.lr / (1 - config.beta1 ** (i + 1))) * (m / denominator);
  });
  return w;
}

describe('adam', () => {
  it.each([
    { beta1: 0.9, beta2: 0.999, eps: 1e-8 },
    { beta1: 0, beta2: 0.999, eps: 1e-8 },
    { beta1: 0.5, beta2: 0.9, eps: 0.1 },
  ])('equals the float64 reference over 50 updates (%o)', (config) => {
    const before = tf.memory().numTensors;
    const optimizer = adam(config);
    const draw = random(3, 'adam');
    const gradients = Array.from({ length: 50 }, () => Array.from({ length: 6 }, (_, i) => draw.normal() * 10 ** (i - 3)));
    let params: Record<string, tf.Tensor> = { a: tf.ones([2, 3]) };
    let slots = optimizer.init(params);
    for (const gradient of gradients) {
      const grads = { a: tf.tensor2d(gradient, [2, 3]) };
      const next = optimizer.update({ params, grads, slots, learningRate: 0.01 });
      for (const old of [params, slots.m, slots.v, grads]) disposeAll(old);
      params = { ...next.params };
      slots = next.slots;
    }
    const got = params['a']!.dataSync();
    for (let i = 0; i < 6; i++) {
      const expected = reference(gradients.map((g) => g[i]!), { ...config, lr: 0.01 });
      expect(Math.abs(got[i]! - expected)).toBeLessThan(2e-6 * Math.max(1, Math.abs(expected)));
    }
    expect(slots.step).toBe(50);
    for (const map of [params, slots.m, slots.v]) disposeAll(map);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is pure: the given tensors stay as they were, parameters without a gradient are untouched', () => {
    tf.tidy(() => {
      const params = { a: tf.ones([2]), b: tf.ones([2]) };
      const slots = adam().init(params);
      const next = adam().update({ params, grads: { a: tf.ones([2]) }, slots, learningRate: 0.1 });
      expect(Array.from(params.a.dataSync())).toEqual([1, 1]);
      expect(next.params['a']!.dataSync()[0]).toBeCloseTo(0.9, 6);
      expect(Array.from(next.params['b']!.dataSync())).toEqual([1, 1]);
      expect(slots.step).toBe(0);
    });
  });

  it('computes the step scalars in float64', () => {
    const { stepSize, rootCorrection } = adamScalars({ beta1: 0.9, beta2: 0.999, eps: 0 }, 1, 3e-4);
    expect(stepSize).toBeCloseTo(3e-3, 15);
    expect(rootCorrection).toBeCloseTo(Math.sqrt(0.001), 15);
  });

  it('refuses betas out of range and slots of other parameters', () => {
    expect(() => adam({ beta1: 1 })).toThrow(/beta1 is out of range/);
    tf.tidy(() => {
      const slots = adam().init({ a: tf.ones([1]) });
      expect(() => adam().update({ params: { b: tf.ones([1]) }, grads: {}, slots, learningRate: 1 })).toThrow(/no moments for parameter "b"/);
    });
  });
});

describe('clipping', () => {
  it('scales all gradients down to the limit, as torch does, and reports the norm before', () => {
    tf.tidy(() => {
      const grads = { a: tf.tensor1d([3, 0]), b: tf.tensor2d([[4]]) };
      expect(globalNorm(grads).dataSync()[0]).toBe(5);
      const clipped = clipGlobalNorm(grads, 1);
      expect(clipped.norm.dataSync()[0]).toBe(5);
      expect(clipped.grads['b']!.dataSync()[0]).toBeCloseTo(4 / (5 + 1e-6), 6);
      const loose = clipGlobalNorm(grads, 10);
      expect(loose.grads['a']!.dataSync()[0]).toBe(3);
    });
    expect(clipFactor(5, 1)).toBe(1 / (5 + 1e-6));
    expect(clipFactor(0, 1)).toBe(1);
  });
});
