import { describe, expect, it } from 'vitest';
import { random, restoreRandom } from './random.js';

describe('random', () => {
  it('gives the same stream for the same seed and labels, another for others', () => {
    const stream = (seed: number, ...labels: (string | number)[]): number[] => {
      const draw = random(seed, ...labels);
      return Array.from({ length: 5 }, () => draw.next());
    };
    expect(stream(1, 'a', 2)).toEqual(stream(1, 'a', 2));
    const streams = [stream(1, 'a'), stream(2, 'a'), stream(1, 'b'), stream(1), stream(1, 'a', 'b'), stream(1, 'ab')].map(String);
    expect(new Set(streams).size).toBe(6);
  });

  it('goes on from a stored state', () => {
    const draw = random(3);
    draw.normal();
    const resumed = restoreRandom(draw.state());
    expect(Array.from({ length: 20 }, () => resumed.next())).toEqual(Array.from({ length: 20 }, () => draw.next()));
  });

  it('is uniform and normal to within sampling error', () => {
    const draw = random(4);
    const n = 20_000;
    const counts = new Array<number>(10).fill(0);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      counts[draw.below(10)]!++;
      const z = draw.normal();
      sum += z;
      squares += z * z;
    }
    // Chi-squared with 9 degrees of freedom: 27.9 is exceeded once in a thousand.
    const chi2 = counts.reduce((total, count) => total + (count - n / 10) ** 2 / (n / 10), 0);
    expect(chi2).toBeLessThan(27.9);
    expect(Math.abs(sum / n)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(squares / n - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  });

  it('shuffles in place, keeping every item', () => {
    const items = Int32Array.from({ length: 100 }, (_, i) => i);
    expect(random(5).shuffle(items)).toBe(items);
    expect([...items].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(items[0] === 0 && items[1] === 1 && items[2] === 2).toBe(false);
  });
});
