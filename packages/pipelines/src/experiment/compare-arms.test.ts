import type { Sampled } from '@salmon-sae/metrics';
import { describe, expect, it } from 'vitest';
import type { ArmFacts } from '../report/index.js';
import { compareArms } from './compare-arms.js';
import type { MeasuredSae } from './measured.js';
import type { PlannedSae } from './plan.js';

const arms: readonly ArmFacts[] = [
  { id: 'domain', label: 'Domain', description: '' },
  { id: 'broad', label: 'Broad', description: '' },
];

/** Replicates around a value with a spread that both arms share (the same documents are drawn), and one of their own. */
function sampled(metric: string, value: number, own: number): Sampled {
  const samples = Float64Array.from({ length: 200 }, (_, i) => value + 0.05 * Math.sin(i) + own * Math.cos(3 * i));
  return { metric, value, samples, key: 'documents' };
}

function sae(arm: string, targetL0: number, seed: number, fve: number, own: number, latents = 64): { plan: PlannedSae; measured: MeasuredSae } {
  const name = `${arm}-${latents}-${targetL0}-${seed}`;
  const plan: PlannedSae = { name, arm: arm as PlannedSae['arm'], text: arm, latents, targetL0, seed, headline: targetL0 === 8 };
  const l0: Sampled = { metric: 'l0@1', value: targetL0, samples: new Float64Array(200).fill(targetL0), key: 'documents' };
  const metrics = { 'l0@1': l0, 'fve_pooled@1': sampled('fve_pooled@1', fve, own) };
  return { plan, measured: { sae: name, metrics, withSpecials: {}, active: [], tokens: 1 } };
}

function compare(saes: readonly ReturnType<typeof sae>[]): ReturnType<typeof compareArms> {
  return compareArms({ first: 'domain', second: 'broad', arms, plans: saes.map(({ plan }) => plan), measured: saes.map(({ measured }) => measured) });
}

describe('compareArms', () => {
  it('pairs the draws: what both arms share does not widen the interval', () => {
    const items = compare([sae('domain', 4, 1, 0.7, 0.001), sae('domain', 16, 1, 0.8, 0.001), sae('broad', 4, 1, 0.68, 0.002), sae('broad', 16, 1, 0.78, 0.002)]);
    expect(items.map(({ level }) => level)).toEqual(['low', 'mid', 'high']);
    for (const item of items) {
      expect(item.difference.value).toBeCloseTo(0.02, 10);
      expect((item.difference.high ?? 0) - (item.difference.low ?? 0)).toBeLessThan(0.01);
      expect(item.outcome).toBe('first');
    }
  });

  it('finds no difference where the interval covers 0', () => {
    const items = compare([sae('domain', 4, 1, 0.7, 0.03), sae('domain', 16, 1, 0.8, 0.03), sae('broad', 4, 1, 0.699, 0.001), sae('broad', 16, 1, 0.799, 0.001)]);
    expect(items.every(({ outcome }) => outcome === 'none')).toBe(true);
  });

  it('lets the spread of headline seeds into the interval at their level', () => {
    const one = [sae('domain', 4, 1, 0.7, 0), sae('domain', 8, 1, 0.75, 0), sae('domain', 16, 1, 0.8, 0), sae('broad', 4, 1, 0.68, 0), sae('broad', 8, 1, 0.73, 0), sae('broad', 16, 1, 0.78, 0)];
    const more = [...one, sae('domain', 8, 2, 0.72, 0), sae('broad', 8, 2, 0.73, 0), sae('domain', 8, 3, 0.78, 0), sae('broad', 8, 3, 0.73, 0)];
    const width = (items: ReturnType<typeof compareArms>, level: string): number => {
      const difference = items.find((item) => item.level === level)?.difference;
      return (difference?.high ?? 0) - (difference?.low ?? 0);
    };
    expect(width(compare(more), 'mid')).toBeGreaterThan(width(compare(one), 'mid') + 0.01);
    expect(width(compare(more), 'low')).toBeCloseTo(width(compare(one), 'low'), 6);
  });

  it('compares each width with itself', () => {
    const narrow = [sae('domain', 4, 1, 0.7, 0.001), sae('domain', 16, 1, 0.8, 0.001), sae('broad', 4, 1, 0.68, 0.002), sae('broad', 16, 1, 0.78, 0.002)];
    const wide = [sae('domain', 4, 1, 0.8, 0.001, 128), sae('domain', 16, 1, 0.9, 0.001, 128), sae('broad', 4, 1, 0.85, 0.002, 128), sae('broad', 16, 1, 0.95, 0.002, 128)];
    const items = compare([...narrow, ...wide]);
    expect(items.map(({ latents, outcome }) => [latents, outcome])).toEqual([...Array(3).fill([64, 'first']), ...Array(3).fill([128, 'second'])]);
    expect(items[3]?.text).toContain('with 128 latents');
    expect(compare(narrow).every((item) => item.latents === undefined)).toBe(true);
  });

  it('compares single SAEs only where their L0 is about the same', () => {
    expect(compare([sae('domain', 8, 1, 0.7, 0.001), sae('broad', 9, 1, 0.6, 0.002)]).map(({ level }) => level)).toEqual(['mid']);
    expect(compare([sae('domain', 8, 1, 0.7, 0.001), sae('broad', 16, 1, 0.6, 0.002)])).toEqual([]);
  });
});
