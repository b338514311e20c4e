import { tf, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { standard } from '../architectures/standard.js';
import { geometricMedian } from './geometric-median.js';
import { batchesNeeded, estimateScale, scalesFor } from './normalisation.js';
import { tokenNorm } from './token-norm.js';
import { resolveSpec } from './train-spec.js';

const training = (own = {}): ReturnType<typeof resolveSpec>['config']['training'] => resolveSpec({ sae: standard({ latents: 4 }), training: own }, {}, ARCHITECTURES).config.training;

beforeAll(async () => {
  await useBackend();
});

describe('dataset scale', () => {
  it('mean square and mean norm', () => {
    const rows = [Float32Array.of(3, 4), Float32Array.of(0, 1, 6, 8)];
    expect(estimateScale(rows, 2, 'mean-square')).toBeCloseTo(Math.sqrt((25 + 1 + 100) / 3));
    expect(estimateScale(rows, 2, 'mean-norm')).toBeCloseTo(16 / 3 / Math.sqrt(2));
    expect(estimateScale(rows, 2, 'none')).toBe(1);
  });

  it('refuses zero, broken and missing activations', () => {
    expect(() => estimateScale([new Float32Array(4)], 2, 'mean-square')).toThrow(/cannot be scaled/);
    expect(() => estimateScale([Float32Array.of(NaN, 1)], 2, 'mean-square')).toThrow(/cannot be scaled/);
    expect(() => estimateScale([], 2, 'mean-square')).toThrow(/no activations/);
  });

  it('targets share the input scale, or have their own; a given scale needs no data', () => {
    const batch = { rows: 1, values: Float32Array.of(3, 4), target: Float32Array.of(0.5) };
    expect(scalesFor([batch], 2, training())).toEqual({ input: 5, output: 5 });
    expect(scalesFor([batch], 2, training({ targetScale: 'own' }))).toEqual({ input: 5, output: 0.5 });
    expect(scalesFor([batch], 2, training({ scale: 2 }))).toEqual({ input: 2, output: 2 });
    expect(batchesNeeded(training({ scale: 2 }))).toBe(1);
    expect(batchesNeeded(training({ normalizeBatches: 6 }))).toBe(6);
  });
});

describe('geometricMedian', () => {
  it('is not moved by an outlier, and is the middle of symmetric points', () => {
    const square = Float32Array.of(1, 0, -1, 0, 0, 1, 0, -1);
    expect(Array.from(geometricMedian(square, 2)).every((v) => Math.abs(v) < 1e-4)).toBe(true);
    const outlier = Float32Array.of(0, 0, 0.1, 0, -0.1, 0, 0, 0.1, 1000, 1000);
    expect(Math.abs(geometricMedian(outlier, 2)[0]!)).toBeLessThan(0.2);
  });
});

describe('tokenNorm', () => {
  it('is undone exactly up to its epsilon', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([[1, 2, 6], [-4, 0, 9]]);
      for (const kind of ['none', 'layer_norm', 'constant_norm_rescale']) {
        const norm = tokenNorm(kind, x);
        expect(tf.max(tf.abs(tf.sub(norm.undo(norm.x), x))).dataSync()[0]).toBeLessThan(1e-4);
      }
      const { x: rescaled } = tokenNorm('constant_norm_rescale', x);
      expect(tf.norm(rescaled.slice([0, 0], [1, 3])).dataSync()[0]).toBeCloseTo(Math.sqrt(3), 5);
    });
    expect(() => tokenNorm('batch', tf.zeros([1, 2]))).toThrow(/no such normalisation/);
  });
});
