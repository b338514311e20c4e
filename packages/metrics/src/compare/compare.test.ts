import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import type { Sampled } from '../documents/estimate.js';
import { interval } from '../documents/estimate.js';
import { toRows } from '../rows/to-rows.js';
import { sampledFromJson, sampledToJson } from '../rows/sampled-json.js';
import { sampleMean } from '../documents/sample-mean.js';
import { acrossSeeds } from './across-seeds.js';
import { independentDifference } from './independent-difference.js';
import { interpolateAtL0, sharedL0 } from './interpolate-at-l0.js';
import { excludesZero, pairedDifference } from './paired-difference.js';

function sampled(metric: string, value: number, noise: readonly number[], key = 'k'): Sampled {
  return { metric, value, samples: Float64Array.from(noise, (n) => value + n), key };
}

const draw = random(3);
const common = Array.from({ length: 500 }, () => draw.normal());

describe('paired difference', () => {
  it('cancels what both share: the interval of the difference is that of the rest', () => {
    const own = Array.from({ length: 500 }, () => 0.01 * draw.normal());
    const a = sampled('m@1', 10.1, common.map((c, i) => c + (own[i] as number)));
    const b = sampled('m@1', 10, common);
    const estimate = interval(pairedDifference(a, b));
    expect(estimate.value).toBeCloseTo(0.1, 12);
    expect(excludesZero(estimate)).toBe(true);
    expect((estimate.high as number) - (estimate.low as number)).toBeLessThan(0.06);
    expect(excludesZero({ low: -1, high: 1 })).toBe(false);
    expect(excludesZero({})).toBe(false);
  });

  it('refuses measurements on different documents', () => {
    expect(() => pairedDifference(sampled('m@1', 1, common), sampled('m@1', 1, common, 'other'))).toThrow(/cannot be paired/);
  });
});

describe('interpolateAtL0', () => {
  const curve = [10, 20, 40].map((l0) => ({
    l0: sampled('l0@1', l0, common.map(() => 0)),
    // Linear in log L0: interpolation must be exact.
    metric: sampled('fve_pooled@1', 0.5 + 0.1 * Math.log2(l0 / 10), common.map((c) => 0.01 * c)),
  }));

  it('is linear in log L0, exact at the points and carries the replicates', () => {
    expect(interpolateAtL0(curve, 20).value).toBeCloseTo(0.6, 12);
    expect(interpolateAtL0(curve, 10).value).toBeCloseTo(0.5, 12);
    expect(interpolateAtL0(curve, 40).value).toBeCloseTo(0.7, 12);
    const middle = interpolateAtL0([...curve].reverse(), Math.sqrt(200));
    expect(middle.value).toBeCloseTo(0.55, 12);
    expect(middle.samples[7]).toBeCloseTo(0.55 + 0.01 * (common[7] as number), 12);
    expect(interval(pairedDifference(interpolateAtL0(curve, 15), interpolateAtL0(curve, 15))).high).toBe(0);
  });

  it('does not extrapolate and finds the shared range', () => {
    expect(() => interpolateAtL0(curve, 41)).toThrow(/outside its measured L0/);
    expect(sharedL0([curve, curve.slice(1)])).toEqual([20, 40]);
    expect(sharedL0([curve.slice(0, 1), curve.slice(1)])).toBeUndefined();
    expect(interpolateAtL0(curve.slice(0, 1), 10).value).toBeCloseTo(0.5, 12);
  });
});

describe('means of a sample', () => {
  const values = (n: number, at: number): readonly number[] => Array.from({ length: n }, () => at + 0.1 * draw.normal());

  it('have the interval that the spread and the number of values give', () => {
    const [few, many] = [25, 400].map((n) => interval(sampleMean('score', values(n, 0.7), { seed: 1 })));
    const width = (one: typeof few): number => (one?.high ?? 0) - (one?.low ?? 0);
    expect(many?.value).toBeCloseTo(0.7, 1);
    expect(width(many)).toBeCloseTo((2 * 1.96 * 0.1) / 20, 2);
    expect(width(few) / width(many)).toBeGreaterThan(2.5);
    expect(interval(sampleMean('score', [0.5]))).toEqual({ value: 0.5 });
  });

  it('differ with the spread of both samples, and not when drawn alike', () => {
    const a = sampleMean('score', values(100, 0.8), { seed: 1 });
    const b = sampleMean('score', values(100, 0.6), { seed: 2 });
    const { value, low, high } = interval(independentDifference(a, b));
    expect(value).toBeCloseTo(a.value - b.value, 12);
    expect((high as number) - (low as number)).toBeCloseTo((2 * 1.96 * 0.1 * Math.SQRT2) / 10, 2);
    expect(() => independentDifference(a, sampleMean('score', values(100, 0.5), { seed: 1 }))).toThrow(/not independent/);
  });
});

describe('acrossSeeds', () => {
  it('averages values and widens the interval by the spread between seeds', () => {
    const seeds = [0.5, 0.6, 0.7].map((v) => sampled('m@1', v, common.map((c) => 0.001 * c)));
    const mean = acrossSeeds(seeds);
    const { value, low, high } = interval(mean);
    expect(value).toBeCloseTo(0.6, 12);
    expect((high as number) - (low as number)).toBeGreaterThan(0.1);
    expect(interval(acrossSeeds(seeds.slice(0, 1))).low).toBeCloseTo(interval(seeds[0] as Sampled).low as number, 12);
    expect(() => acrossSeeds([])).toThrow(/No seed/);
  });
});

describe('rows', () => {
  const subject = { run: 'r', sae: 's', split: 'test', domain: 'medical' };

  it('carries intervals, and leaves them out where there are none', () => {
    const [withInterval, without] = toRows([sampled('m@1', 1, common), { metric: 'n@1', value: 2, samples: new Float64Array(0), key: '' }], subject);
    expect(withInterval).toMatchObject({ ...subject, step: -1, metric: 'm@1', value: 1 });
    expect(withInterval?.low).toBeLessThan(1);
    expect(without).toEqual({ ...subject, step: -1, metric: 'n@1', value: 2 });
  });

  it('stores replicates exactly', () => {
    const one = sampled('m@1', 1 / 3, common);
    expect(sampledFromJson(JSON.parse(JSON.stringify(sampledToJson(one))))).toEqual(one);
    const nan = sampledFromJson(JSON.parse(JSON.stringify(sampledToJson({ ...one, value: Number.NaN }))));
    expect(nan.value).toBeNaN();
    expect(() => sampledFromJson('x')).toThrow(/Not a stored measurement/);
  });
});
