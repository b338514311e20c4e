import { describe, expect, it } from 'vitest';
import { interpolateAt, l0Levels } from './curve.js';
import type { CurvePoint } from './curve.js';

const point = (l0: number, value: number, half?: number): CurvePoint => ({ l0, measure: { value, ...(half === undefined ? {} : { low: value - half, high: value + half }) } });

describe('interpolateAt', () => {
  const curve = [point(100, 0.9, 0.02), point(1, 0.1, 0.04), point(10, 0.5, 0.02)];

  it('is linear in log L0, for the value and both ends of its interval', () => {
    const { value, low, high } = interpolateAt(curve, Math.sqrt(10))!;
    expect(value).toBeCloseTo(0.3, 12);
    expect(low).toBeCloseTo(0.27, 12);
    expect(high).toBeCloseTo(0.33, 12);
  });

  it('gives measured points back as they are and nothing outside the curve', () => {
    expect(interpolateAt(curve, 10)).toEqual(curve[2]!.measure);
    expect(interpolateAt(curve, 100)).toEqual(curve[0]!.measure);
    expect(interpolateAt(curve, 0.99)).toBeUndefined();
    expect(interpolateAt(curve, 101)).toBeUndefined();
    expect(interpolateAt([], 5)).toBeUndefined();
  });

  it('has no interval where one neighbour has none', () => {
    expect(interpolateAt([point(1, 0), point(100, 2, 1)], 10)).toEqual({ value: 1 });
  });
});

describe('l0Levels', () => {
  it('names the ends and the geometric mean', () => {
    expect(l0Levels({ from: 4, to: 100 }).map(({ l0 }) => l0)).toEqual([4, 20, 100]);
    expect(l0Levels({ from: 4, to: 4 })).toEqual([{ level: 'mid', l0: 4 }]);
  });
});
