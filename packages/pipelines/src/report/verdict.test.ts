import { describe, expect, it } from 'vitest';
import type { ArmFacts, Measure, SaeRow } from './report-data.js';
import { judge, verdict, verdictRules } from './verdict.js';

const arms: readonly ArmFacts[] = [
  { id: 'domain', label: 'Domain', description: '' },
  { id: 'broad', label: 'Broad', description: '' },
];
const options = { first: 'domain', second: 'broad' };
const measure = (value: number, half = 0.01): Measure => ({ value, low: value - half, high: value + half });

/** Domain explains `gap` more variance everywhere and adds 0.1 nats less. */
function row(arm: string, l0: number, { seed = 0, gap = 0.1, half = 0.01 } = {}): SaeRow {
  const fve = 0.5 + 0.1 * Math.log2(l0) + (arm === 'domain' ? gap : 0);
  return { sae: `${arm}-${l0}-${seed}`, arm, latents: 8, targetL0: l0, seed, texts: { domain: { l0: { value: l0 }, fve: measure(fve, half), deltaCe: measure(arm === 'domain' ? 0.1 : 0.2) } } };
}

const grid = (arm: string, seed = 0, gap = 0.1): readonly SaeRow[] => [2, 4, 8, 16].map((l0) => row(arm, l0, { seed, gap }));

describe('judge', () => {
  const fve = verdictRules.find((rule) => rule.metric === 'fve')!;
  const deltaCe = verdictRules.find((rule) => rule.metric === 'deltaCe')!;
  const item = (difference: Measure) => ({ metric: 'fve' as const, level: 'mid' as const, l0: 10, first: { arm: 'domain', value: 1 }, second: { arm: 'broad', value: 0 }, difference });

  it('finds no difference when the interval covers 0, its ends included', () => {
    expect(judge(fve, arms, item({ value: 0.1, low: -0.01, high: 0.2 })).outcome).toBe('none');
    expect(judge(fve, arms, item({ value: 0.1, low: 0, high: 0.2 })).outcome).toBe('none');
    expect(judge(fve, arms, item({ value: 0.1, low: -0.01, high: 0.2 })).text).toContain('no difference found');
  });

  it('knows which way is better', () => {
    expect(judge(fve, arms, item({ value: 0.1, low: 0.05, high: 0.2 })).outcome).toBe('first');
    expect(judge(fve, arms, item({ value: -0.1, low: -0.2, high: -0.05 })).outcome).toBe('second');
    expect(judge(deltaCe, arms, item({ value: -0.1, low: -0.2, high: -0.05 })).text).toMatch(/Domain is better/);
    expect(judge(deltaCe, arms, item({ value: 0.1, low: 0.05, high: 0.2 })).outcome).toBe('second');
  });

  it('does not judge without an interval', () => {
    expect(judge(fve, arms, item({ value: 0.5 })).outcome).toBe('untested');
  });
});

describe('verdict', () => {
  it('compares at the ends and the middle of the shared range of measured L0', () => {
    const { items, paragraph } = verdict([...grid('domain'), ...grid('broad').slice(1)], arms, options);
    const own = items.filter((item) => item.metric === 'fve');
    expect(own.map((item) => item.l0)).toEqual([4, 8, 16]);
    for (const item of own) {
      expect(item.difference.value).toBeCloseTo(0.1, 10);
      expect(item.outcome).toBe('first');
    }
    expect(items.some((item) => item.metric === 'darkR2Vector')).toBe(false);
    expect(paragraph).toContain('Variance explained: Domain is better (+0.100 at L0 4.00, +0.100 at L0 8.00 and +0.100 at L0 16.0).');
    expect(paragraph).toContain('Loss added (delta CE) (nats/token): Domain is better (−0.100');
  });

  it('widens the interval by the spread between seeds, until nothing is found', () => {
    const seeds = [-0.1, 0.1, 0.3].flatMap((gap, seed) => [...grid('domain', seed, gap), ...grid('broad', seed)]);
    const { items, note } = verdict(seeds, arms, options);
    const own = items.filter((item) => item.metric === 'fve');
    expect(own.every((item) => item.outcome === 'none')).toBe(true);
    expect(own[0]!.difference.value).toBeCloseTo(0.1, 10);
    expect(note).toContain('3 paired seeds');
  });

  it('takes a seed trained at one setting as a shift of its arm’s curve', () => {
    const rows = [...grid('domain'), ...grid('broad'), row('domain', 8, { seed: 1, gap: 0.12 }), row('broad', 8, { seed: 1 }), row('domain', 7, { seed: 2, gap: 0.08 }), row('broad', 9, { seed: 2 })];
    const own = verdict(rows, arms, options).items.filter((item) => item.metric === 'fve');
    expect(own.map((item) => item.level)).toEqual(['low', 'mid', 'high']);
    for (const item of own) {
      expect(item.difference.value).toBeCloseTo(0.1, 10);
      const seedPart = (4.303 * 0.02) / Math.sqrt(3);
      expect(item.difference.high! - item.difference.value).toBeCloseTo(Math.hypot(seedPart, Math.SQRT2 * 0.01), 4);
    }
  });

  it('compares single SAEs directly only where their L0 is about the same', () => {
    const near = [row('domain', 8), row('broad', 9)];
    expect(verdict(near, arms, options).items.filter((item) => item.metric === 'fve').map((item) => item.level)).toEqual(['mid']);
    const far = [row('domain', 8), row('broad', 16)];
    const { items, paragraph } = verdict(far, arms, options);
    expect(items).toEqual([]);
    expect(paragraph).toContain('share no range of measured L0');
  });
});
