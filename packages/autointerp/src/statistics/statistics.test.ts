import { random } from '@salmon-sae/dataflow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrap, quantileOfSorted } from './bootstrap.js';
import { pearson, pearsonInterval } from './correlation.js';
import { balancedAccuracy, combine, wilson } from './interval.js';
import { auc, aucInterval, f1Interval } from './ranking.js';

describe('wilson', () => {
  it('equals published values', () => {
    // Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for (const [hits, of, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const) {
      const interval = wilson(hits, of);
      expect(interval.low).toBeCloseTo(low, 4);
      expect(interval.high).toBeCloseTo(high, 4);
    }
  });

  it('covers the truth about 95 times in 100', () => {
    const draws = random(4);
    let covered = 0;
    for (let i = 0; i < 2000; i++) {
      let hits = 0;
      for (let k = 0; k < 40; k++) if (draws.next() < 0.3) hits++;
      const { low, high } = wilson(hits, 40);
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(covered / 2000).toBeGreaterThan(0.93);
    expect(covered / 2000).toBeLessThan(0.975);
  });
});

describe('combine', () => {
  it('equals statsmodels 0.15.0 on 31/40 - 17/36 (newcomb)', () => {
    const { low, high } = combine(wilson(17, 36), wilson(31, 40), -1);
    expect(low).toBeCloseTo(0.08509823323812807, 9);
    expect(high).toBeCloseTo(0.48604075780051365, 9);
  });

  it('equals the published difference of proportions (Newcombe 1998, table II, 56/70 - 48/80, method 10)', () => {
    const difference = combine(wilson(48, 80), wilson(56, 70), -1);
    expect(difference.value).toBeCloseTo(0.2, 10);
    expect(difference.low).toBeCloseTo(0.0524, 4);
    expect(difference.high).toBeCloseTo(0.3339, 4);
  });
});

describe('balancedAccuracy', () => {
  it('is 0.5 for "always no" whatever the class sizes, with a proper interval at the ends', () => {
    expect(balancedAccuracy({ tp: 0, fn: 4, tn: 10, fp: 0 }).value).toBe(0.5);
    const perfect = balancedAccuracy({ tp: 20, fn: 0, tn: 20, fp: 0 });
    expect(perfect.value).toBe(1);
    expect(perfect.low).toBeGreaterThan(0.8);
    expect(perfect.low).toBeLessThan(1);
  });
});

describe('auc', () => {
  it('equals the share of pairs in the right order, ties half', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.boolean()), { minLength: 2, maxLength: 40 }), (items) => {
        const scores = items.map(([s]) => s);
        const truth = items.map(([, t]): 0 | 1 => (t ? 1 : 0));
        let wins = 0;
        let pairs = 0;
        for (let i = 0; i < items.length; i++) {
          for (let j = 0; j < items.length; j++) {
            if (truth[i] !== 1 || truth[j] !== 0) continue;
            pairs++;
            wins += (scores[i] as number) > (scores[j] as number) ? 1 : scores[i] === scores[j] ? 0.5 : 0;
          }
        }
        const value = auc({ scores, truth });
        if (pairs === 0) expect(value).toBeNaN();
        else expect(value).toBeCloseTo(wins / pairs, 10);
      }),
    );
  });

  it('has an interval around its value that shrinks with more items', () => {
    const draws = random(1);
    const make = (n: number): { scores: number[]; truth: (0 | 1)[] } => {
      const truth = Array.from({ length: n }, (_, i): 0 | 1 => (i % 2 === 0 ? 1 : 0));
      return { truth, scores: truth.map((t) => t + draws.normal()) };
    };
    const small = aucInterval(make(40), { seed: 1 });
    const large = aucInterval(make(1000), { seed: 1 });
    for (const interval of [small, large]) {
      expect(interval.low).toBeLessThan(interval.value);
      expect(interval.high).toBeGreaterThan(interval.value);
    }
    expect(large.high - large.low).toBeLessThan((small.high - small.low) / 2);
    // Two unit normals one apart: AUC = Phi(1 / sqrt 2) = 0.7602.
    expect(large.low).toBeLessThan(0.7602);
    expect(large.high).toBeGreaterThan(0.7602);
  });
});

describe('f1Interval', () => {
  it('equals 2TP / (2TP + FP + FN)', () => {
    expect(f1Interval([true, true, false, true], [1, 1, 1, 0], { seed: 0 }).value).toBeCloseTo(4 / 6, 12);
    expect(f1Interval([false], [0], { seed: 0 }).value).toBe(0);
  });
});

describe('bootstrap', () => {
  it('keeps the size of each stratum and gives the standard error of a mean', () => {
    const draws = random(9);
    const values = Array.from({ length: 400 }, () => draws.normal());
    const interval = bootstrap(new Array<number>(400).fill(0), (w) => {
      let sum = 0;
      let total = 0;
      w.forEach((weight, i) => {
        sum += weight * (values[i] as number);
        total += weight;
      });
      expect(total).toBe(400);
      return sum / total;
    }, { seed: 2, replicates: 1000 });
    // 2 * 1.96 / sqrt(400) = 0.196
    expect(interval.high - interval.low).toBeGreaterThan(0.17);
    expect(interval.high - interval.low).toBeLessThan(0.225);
  });

  it('interpolates quantiles linearly', () => {
    expect(quantileOfSorted([1, 2, 4], 0.5)).toBe(2);
    expect(quantileOfSorted([1, 2, 4], 0.75)).toBe(3);
    expect(quantileOfSorted([], 0.5)).toBeNaN();
  });
});

describe('pearson', () => {
  it('is exact on lines, 0 on a constant side, and bootstraps over groups', () => {
    expect(pearson([[[1, 2, 3], [2, 4, 6]], [[4], [8]]])).toBeCloseTo(1, 12);
    expect(pearson([[[1, 2, 3], [3, 2, 1]]])).toBeCloseTo(-1, 12);
    expect(pearson([[[1, 1, 1], [3, 2, 1]]])).toBe(0);
    expect(pearson([[[1, 2, 3, 4], [1, 3, 2, 4]]])).toBeCloseTo(0.8, 12);
    const interval = pearsonInterval([[[1, 2], [1, 3]], [[3, 4], [2, 4]], [[0, 1], [0, 2]]], [0, 0, 0], { seed: 1 });
    expect(interval.low).toBeLessThanOrEqual(interval.value);
    expect(interval.n).toBe(3);
  });
});
