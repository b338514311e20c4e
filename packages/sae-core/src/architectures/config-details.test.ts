import { tf, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { scheduleAt } from '../train/schedule.js';
import { resolveSpec } from '../train/train-spec.js';
import type { TrainingOptions } from '../train/training-config.js';
import { ARCHITECTURES } from './architectures.js';
import { jumprelu } from './jumprelu.js';
import { matryoshka, prefixWidths } from './matryoshka.js';
import { msae, nestedK } from './msae.js';
import { dimensionWeights, reweighted } from './reweighted.js';
import { scaleSae } from './scale-sae.js';
import { meanPNorm } from './standard.js';
import { averagedThreshold, initialThreshold, type ThresholdConfig } from './threshold-average.js';
import { kAt } from './topk-parts.js';

beforeAll(async () => {
  await useBackend();
});

const options = (steps: number): TrainingOptions => resolveSpec(jumprelu({ latents: 4 }), { steps }, ARCHITECTURES).config.training;

describe('details that are configuration', () => {
  it('prefix widths and nested k', () => {
    expect(prefixWidths(matryoshka({ latents: 64 }))).toEqual([4, 8, 16, 32, 64]);
    expect(prefixWidths(matryoshka({ latents: 64, widths: [8, 24] }))).toEqual([8, 24, 64]);
    expect(() => matryoshka({ latents: 64, widths: [24, 8] })).toThrow(/do not grow/);
    expect(nestedK(msae({ latents: 4096 }))).toEqual([64, 128, 256, 512, 1024, 2048, 4096]);
    expect(() => msae({ latents: 8, ks: [4, 9] })).toThrow(/do not grow/);
    expect(() => scaleSae({ latents: 10, experts: 4 })).toThrow(/equal experts/);
    expect(() => scaleSae({ latents: 8, experts: 2, activeExperts: 3 })).toThrow(/More experts/);
  });

  it('k is annealed linearly', () => {
    const config = { kAnnealFrom: 100, kAnneal: 10 };
    expect([0, 5, 10, 50].map((step) => kAt(config, 20, scheduleAt(options(100), step)))).toEqual([100, 60, 20, 20]);
    expect(kAt({ kAnnealFrom: null, kAnneal: 10 }, 20, scheduleAt(options(100), 0))).toBe(20);
  });

  it('threshold averages: from the first value, from zero, waiting, and untouched where nothing was active', () => {
    const next = (config: ThresholdConfig, before: number, smallest: number, step: number): number =>
      tf.tidy(() => {
        const context = { config: { kind: 'x', latents: 1 }, params: {}, state: { threshold: tf.scalar(before) }, carry: { smallest: tf.scalar(smallest) }, schedule: scheduleAt(options(100), step) };
        return averagedThreshold(config, context)['threshold']?.dataSync()[0] ?? NaN;
      });
    const first: ThresholdConfig = { rule: 'from-first', rate: 0.1, after: 4 };
    expect(initialThreshold(first)).toBe(-1);
    expect(next(first, -1, 2, 4)).toBeNaN();
    expect(next(first, -1, 2, 5)).toBe(2);
    expect(next(first, 2, 3, 6)).toBeCloseTo(2.1);
    expect(next({ rule: 'from-zero', rate: 0.1, after: 0 }, 0, 3, 0)).toBeCloseTo(0.3);
    expect(next(first, 2, Infinity, 6)).toBe(2);
    expect(next({ ...first, rule: 'none' }, 2, 3, 6)).toBeNaN();
  });

  it('p-norms, and no gradient at zero entries', () => {
    tf.tidy(() => {
      const v = tf.tensor2d([[3, 4], [0, 2]]);
      expect(meanPNorm(v, 1).dataSync()[0]).toBeCloseTo(4.5);
      expect(meanPNorm(v, 2).dataSync()[0]).toBeCloseTo(3.5);
      expect(meanPNorm(v, 0.5).dataSync()[0]).toBeCloseTo(((Math.sqrt(3) + 2) ** 2 + 2) / 2, 4);
      const gradient = tf.grad((x) => meanPNorm(x as tf.Tensor2D, 0.5))(v).dataSync();
      expect(Array.from(gradient).every(Number.isFinite)).toBe(true);
      expect(gradient[2]).toBe(0);
    });
  });

  it('dimension weights follow the variance, with mean square 1', () => {
    const values = Float32Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 1 : 10) * (Math.floor(i / 2) % 2 === 0 ? 1 : -1));
    const [low, high] = dimensionWeights(values, 2, { alpha: 0.5, maxWeight: null }) as unknown as [number, number];
    expect(high / low).toBeCloseTo(10, 4);
    expect((low * low + high * high) / 2).toBeCloseTo(1, 5);
    expect(Array.from(dimensionWeights(values, 2, { alpha: 0, maxWeight: null }))).toEqual([1, 1]);
    const capped = dimensionWeights(values, 2, { alpha: 1, maxWeight: 1 });
    expect(capped[1]! / capped[0]!).toBeLessThan(100);
    expect(() => resolveSpec(reweighted({ kind: 'nothing', latents: 4 }), {}, ARCHITECTURES)).toThrow(/reweight/);
  });
});
