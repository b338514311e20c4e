import { describe, expect, it } from 'vitest';
import type { ArmFacts, Measure, VerdictItem } from './report-data.js';
import { judge, verdictParagraph, verdictRules } from './verdict.js';

const arms: readonly ArmFacts[] = [
  { id: 'domain', label: 'Domain', description: '' },
  { id: 'broad', label: 'Broad', description: '' },
];
const options = { first: 'domain', second: 'broad' };
const measure = (value: number, half = 0.01): Measure => ({ value, low: value - half, high: value + half });

const fve = verdictRules.find((rule) => rule.metric === 'fve')!;
const deltaCe = verdictRules.find((rule) => rule.metric === 'deltaCe')!;
const item = (difference: Measure) => ({ metric: 'fve' as const, level: 'mid' as const, l0: 10, first: { arm: 'domain', value: 1 }, second: { arm: 'broad', value: 0 }, difference });

describe('judge', () => {
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

describe('verdictParagraph', () => {
  const at = (l0: number, value: number, more: Partial<VerdictItem> = {}): VerdictItem => judge(fve, arms, { ...item(measure(value)), l0, ...more });

  it('has one sentence per metric, with every size and where it was found', () => {
    const paragraph = verdictParagraph([at(4, 0.1), at(8, 0.1), at(16, 0.002)], arms, options);
    expect(paragraph).toContain('between 4.00 and 16.0');
    expect(paragraph).toContain('Variance explained: Domain is better (+0.100 at L0 4.00 and +0.100 at L0 8.00); no difference found at L0 16.0.');
    expect(verdictParagraph([], arms, options)).toContain('share no range of measured L0');
  });

  it('goes through the widths one after the other', () => {
    const paragraph = verdictParagraph([at(4, 0.1, { latents: 1536 }), at(5, -0.1, { latents: 768 })], arms, options);
    expect(paragraph).toMatch(/With 768 latents: Variance explained: Broad is better .* With 1 536 latents: Variance explained: Domain is better/);
  });
});
