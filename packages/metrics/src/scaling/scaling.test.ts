import { describe, expect, it } from 'vitest';
import { allocateCapacity, discreteFeature, manifoldFeature, powerLawFrequencies } from './capacity-allocation.js';
import { fitCapacity } from './fit-capacity.js';
import { fitPowerLaw, sweepExponent } from './power-law.js';

const checkpoints = [200, 400, 800, 1600, 3200];

describe('capacity allocation', () => {
  it('gives discrete features one latent each, most frequent first', () => {
    const p = powerLawFrequencies(0.5, 10);
    const { allocation, loss, discovered } = allocateCapacity(p, () => discreteFeature, [0, 4]);
    expect([...allocation]).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect(loss[0]).toBeCloseTo(1, 12);
    expect(loss[1]).toBeCloseTo(p.slice(4).reduce((a, b) => a + b, 0), 12);
    expect(discovered).toEqual([0, 4]);
  });

  it('is optimal: no single latent can be moved to a better place', () => {
    const p = powerLawFrequencies(0.7, 30);
    const f = manifoldFeature(0.4);
    const { allocation, loss } = allocateCapacity(p, () => f, [100]);
    expect(allocation.reduce((a, b) => a + b, 0)).toBe(100);
    for (let i = 0; i < 30; i++) {
      for (let j = 0; j < 30; j++) {
        const moved = Array.from(allocation, (n, k) => n + (k === j ? 1 : 0) - (k === i ? 1 : 0));
        if (moved[i] === -1) continue;
        const total = moved.reduce((sum, n, k) => sum + (p[k] as number) * f(n), 0);
        expect(total).toBeGreaterThanOrEqual((loss[0] as number) - 1e-12);
      }
    }
  });

  it('shows the two regimes of arXiv 2509.02565', () => {
    // Benign, α < β: D grows like N. Pathological, β < α: D ∝ N^((1+β)/(1+α)), L ∝ N^(−β).
    const benign = allocateCapacity(powerLawFrequencies(0.3, 200_000), () => manifoldFeature(1.5), checkpoints);
    expect(fitPowerLaw(checkpoints, benign.discovered).exponent).toBeGreaterThan(0.95);
    const pathological = allocateCapacity(powerLawFrequencies(2, 20_000), () => manifoldFeature(0.3), checkpoints);
    expect(fitPowerLaw(checkpoints, pathological.discovered).exponent).toBeCloseTo(1.3 / 3, 1);
    expect(fitPowerLaw(checkpoints, pathological.loss).exponent).toBeCloseTo(-0.3, 1);
  });
});

describe('power law', () => {
  it('recovers exponent and coefficient, with replicates over a sweep', () => {
    const x = [1, 2, 4, 8];
    const fit = fitPowerLaw(x, x.map((v) => 3 * v ** -0.7));
    expect(fit.exponent).toBeCloseTo(-0.7, 12);
    expect(fit.coefficient).toBeCloseTo(3, 12);
    expect(fit.r2).toBeCloseTo(1, 12);
    const point = (value: number, other: number): never => ({ metric: 'fvu_pooled@1', value, samples: Float64Array.of(value, other), key: 'k' }) as never;
    const sweep = sweepExponent([1, 2], [point(1, 1), point(0.5, 0.25)]);
    expect(sweep.value).toBeCloseTo(-1, 12);
    expect(sweep.samples[1]).toBeCloseTo(-2, 12);
    expect(() => fitPowerLaw([1, 2], [1, 0])).toThrow(/positive/);
  });
});

describe('fitCapacity', () => {
  const widths = [500, 1000, 2000, 4000];
  const sweep = (alpha: number, beta: number): Parameters<typeof fitCapacity>[0] => {
    const { loss, discovered } = allocateCapacity(powerLawFrequencies(alpha, 200_000), () => manifoldFeature(beta), widths);
    return { widths, loss: loss.map((v) => 0.3 * v), directions: discovered };
  };

  it('finds the exponent and the regime that made a sweep', () => {
    const manifolds = fitCapacity(sweep(2, 0.4));
    expect(manifolds).toMatchObject({ regime: 'manifolds' });
    expect(manifolds?.beta).toBeCloseTo(0.4, 1);
    expect(manifolds?.alpha).toBeCloseTo(2, 0);
    const features = fitCapacity(sweep(0.5, 3));
    expect(features).toMatchObject({ regime: 'features', beta: undefined });
    expect(Math.abs((features?.alpha ?? 0) - 0.5)).toBeLessThan(0.15);
  });

  it('predicts the losses it was fitted to', () => {
    const planted = sweep(2, 0.4);
    const fit = fitCapacity(planted);
    planted.loss.forEach((loss, i) => expect((fit?.predicted[i] ?? 0) / loss).toBeCloseTo(1, 1));
  });

  it('does not depend on the order of the widths, and fits nothing to a loss that does not fall', () => {
    const planted = sweep(2, 0.4);
    const reversed = fitCapacity({ widths: [...widths].reverse(), loss: [...planted.loss].reverse(), directions: [...planted.directions].reverse() });
    expect(reversed?.alpha).toBeCloseTo(fitCapacity(planted)?.alpha ?? 0, 10);
    expect(reversed?.predicted.at(-1)).toBeCloseTo(fitCapacity(planted)?.predicted[0] ?? 0, 10);
    expect(fitCapacity({ ...planted, loss: [...planted.loss].reverse() })).toBeUndefined();
  });
});
