import type { Sampled } from '@salmon-sae/metrics';
import { describe, expect, it } from 'vitest';
import type { MeasuredSae } from './measured.js';
import type { PlannedSae } from './plan.js';
import { scalingRow } from './scaling.js';

const WIDTHS = [256, 512, 1024];

/** FVU = 2 · width^−0.3 · L0^−0.2, with replicates that all points share. */
function sae(latents: number, targetL0: number, seed: number): { readonly plan: PlannedSae; readonly measured: MeasuredSae } {
  const name = `broad-${latents}-${targetL0}-${seed}`;
  // The wide SAEs land on other L0 than the narrow ones: only equal measured L0 gives the planted law.
  const l0 = targetL0 * (1 + latents / 4096);
  const fvu = 2 * latents ** -0.3 * l0 ** -0.2;
  const sampled = (metric: string, value: number, noise: number): Sampled => ({ metric, value, samples: Float64Array.from({ length: 100 }, (_, i) => value * (1 + noise * Math.sin(i * latents))), key: 'documents' });
  return {
    plan: { name, arm: 'broad', text: 'broad', latents, targetL0, seed, headline: latents === 512 && targetL0 === 8 },
    measured: { sae: name, metrics: { 'l0@1': sampled('l0@1', l0, 0), 'fvu_pooled@1': sampled('fvu_pooled@1', fvu, 0.01) }, withSpecials: {}, active: [], tokens: 1 },
  };
}

function rowOf(saes: readonly ReturnType<typeof sae>[], directions: Readonly<Record<string, number>> = {}): ReturnType<typeof scalingRow> {
  return scalingRow(saes.map(({ plan }) => plan), saes.map(({ measured }) => measured), directions);
}

describe('scalingRow', () => {
  const grid = WIDTHS.flatMap((latents) => [4, 6, 8, 12].map((target) => sae(latents, target, 1)));

  it('reads every width at one measured L0 and finds the law', () => {
    const row = rowOf(grid);
    expect(row).toMatchObject({ arm: 'broad', seeds: 1 });
    expect(row?.l0).toBeGreaterThan(4 * 1.25);
    expect(row?.l0).toBeLessThan(12.75);
    expect(row?.exponent.value).toBeCloseTo(-0.3, 2);
    expect(row?.exponent.low).toBeLessThan(row?.exponent.value ?? 0);
    expect(row?.exponent.high).toBeGreaterThan(row?.exponent.value ?? 0);
    expect(row?.r2).toBeGreaterThan(0.999);
    expect(row?.capacity).toBeUndefined();
  });

  it('reads the model’s exponents from the growth of the directions', () => {
    const growing = (slope: number): Record<string, number> => Object.fromEntries(grid.map(({ plan }) => [plan.name, 10 * plan.latents ** slope]));
    const features = rowOf(grid, growing(1))?.capacity;
    expect(features?.regime).toBe('features');
    expect(features?.alpha).toBeCloseTo(0.3, 2);
    expect(features?.beta).toBeUndefined();
    const manifolds = rowOf(grid, growing(0.5))?.capacity;
    expect(manifolds?.regime).toBe('manifolds');
    expect(manifolds?.beta).toBeCloseTo(0.3, 2);
    expect(manifolds?.alpha).toBeCloseTo(1.3 / 0.5 - 1, 1);
  });

  it('averages seeds that have every width, and leaves out the law’s fit for two widths and all for one', () => {
    const second = WIDTHS.flatMap((latents) => [4, 6, 8, 12].map((target) => sae(latents, target, 2)));
    expect(rowOf([...grid, ...second])?.seeds).toBe(2);
    expect(rowOf([...grid, ...second.slice(0, 4)])?.seeds).toBe(1);
    const two = rowOf(grid.filter(({ plan }) => plan.latents < 1024));
    expect(two?.exponent.value).toBeCloseTo(-0.3, 2);
    expect(two?.r2).toBeUndefined();
    expect(rowOf(grid.filter(({ plan }) => plan.latents === 512))).toBeUndefined();
  });

  it('takes single points at their own L0 where the ranges do not meet', () => {
    const row = rowOf(WIDTHS.map((latents) => sae(latents, 8, 1)));
    expect(row?.l0).toBeUndefined();
    expect(row?.points.map(({ l0 }) => l0)).toEqual(WIDTHS.map((latents) => 8 * (1 + latents / 4096)));
  });
});
