import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { assign } from './assignment.js';

function brute(rows: number, columns: number, cost: Float32Array): number {
  const used = new Set<number>();
  const best = (i: number): number => {
    if (i === rows) return 0;
    let least = Number.POSITIVE_INFINITY;
    for (let j = 0; j < columns; j++) {
      if (used.has(j)) continue;
      used.add(j);
      least = Math.min(least, (cost[i * columns + j] as number) + best(i + 1));
      used.delete(j);
    }
    return least;
  };
  return best(0);
}

describe('assign', () => {
  it('finds the minimum that exhaustive search finds, square and wide, ties and duplicates included', () => {
    const draw = random(1);
    for (let trial = 0; trial < 400; trial++) {
      const rows = 1 + draw.below(6);
      const columns = rows + draw.below(trial % 2 === 0 ? 1 : 3);
      const levels = trial % 3 === 0 ? 3 : 1000;
      const cost = Float32Array.from({ length: rows * columns }, () => draw.below(levels) - levels / 2);
      const columnOf = assign({ rows, columns, cost });
      expect(new Set(columnOf).size).toBe(rows);
      const total = columnOf.reduce((sum, j, i) => sum + (cost[i * columns + j] as number), 0);
      expect(total).toBe(brute(rows, columns, cost));
    }
  });

  it('recovers a hidden permutation among 300', () => {
    const draw = random(2);
    const n = 300;
    const hidden = draw.shuffle(Int32Array.from({ length: n }, (_, i) => i));
    const cost = Float32Array.from({ length: n * n }, (_, k) => (hidden[Math.floor(k / n)] === k % n ? -1 : 0) + 0.3 * draw.normal());
    const columnOf = assign({ rows: n, columns: n, cost });
    const reached = columnOf.reduce((sum, j, i) => sum + (cost[i * n + j] as number), 0);
    const planted = hidden.reduce((sum, j, i) => sum + (cost[i * n + j] as number), 0);
    expect(reached).toBeLessThanOrEqual(planted);
  });

  it('refuses more rows than columns and costs that are not finite', () => {
    expect(() => assign({ rows: 2, columns: 1, cost: new Float32Array(2) })).toThrow(/Not an assignment problem/);
    expect(() => assign({ rows: 1, columns: 1, cost: Float32Array.of(Number.NaN) })).toThrow(/not finite/);
  });
});
