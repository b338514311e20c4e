import { tf, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { jumpRelu, meanL0, stepKernel } from './straight-through.js';

beforeAll(async () => {
  await useBackend();
});

/** z - theta of -0.2, -0.04, 0.04, 0.2 around theta = 0.5, bandwidth 0.1: the two in the middle lie in the band. */
const THETA = 0.5;
const BANDWIDTH = 0.1;
const Z = [0.3, 0.46, 0.54, 0.7];

function gradientOf(f: (z: tf.Tensor2D, theta: tf.Tensor1D) => tf.Scalar): { z: number[]; theta: number[] } {
  return tf.tidy(() => {
    const [dz, dtheta] = tf.grads((z, theta) => f(z as tf.Tensor2D, theta as tf.Tensor1D))([tf.tensor2d(Z, [4, 1]), tf.tensor1d([THETA])]);
    return { z: Array.from(dz!.dataSync()), theta: Array.from(dtheta!.dataSync()) };
  });
}

describe('straight-through estimators', () => {
  it('JumpReLU: strict gate, ordinary gradient to z, -(theta/eps) K to theta', () => {
    const weights = tf.tensor2d([1, 2, 3, 4], [4, 1]);
    const { z, theta } = gradientOf((zIn, t) => tf.sum(tf.mul(jumpRelu(zIn, t, stepKernel(zIn, t, BANDWIDTH)), weights)));
    expect(z).toEqual([0, 0, 3, 4]);
    expect(theta[0]).toBeCloseTo((-THETA / BANDWIDTH) * (2 + 3), 4);
    weights.dispose();
  });

  it('L0: the mean count, -(1/eps) K / B to theta, nothing to z', () => {
    const value = tf.tidy(() => meanL0(tf.tensor1d([THETA]), stepKernel(tf.tensor2d(Z, [4, 1]), tf.tensor1d([THETA]), BANDWIDTH)).dataSync()[0]);
    expect(value).toBe(0.5);
    const { z, theta } = gradientOf((zIn, t) => tf.add(tf.mul(meanL0(t, stepKernel(zIn, t, BANDWIDTH)), 3), tf.mul(tf.sum(zIn), 0)));
    expect(z).toEqual([0, 0, 0, 0]);
    expect(theta[0]).toBeCloseTo((-3 / BANDWIDTH) * (2 / 4), 4);
  });

  it('estimates the derivative of the expected L0: over many samples it matches a finite difference of the mean', () => {
    const n = 20_000;
    const samples = Float32Array.from({ length: n }, (_, i) => (i + 0.5) / n);
    const bandwidth = 0.05;
    const estimated = tf.tidy(() => {
      const z = tf.tensor2d(samples, [n, 1]);
      return tf.grad((t) => meanL0(t as tf.Tensor1D, stepKernel(z, t as tf.Tensor1D, bandwidth)))(tf.tensor1d([0.4])).dataSync()[0]!;
    });
    // P(z > theta) = 1 - theta for uniform z, so the derivative is -1.
    expect(estimated).toBeCloseTo(-1, 2);
  });
});
