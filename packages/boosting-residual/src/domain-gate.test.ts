import { random } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { expect, it } from 'vitest';
import { fitGate, openRows } from './domain-gate.js';
import { solveSpd } from './solve-spd.js';

const width = 6;
const rows = 4000;

/** Two Gaussian clouds with the same covariance; the last axis is noise many times larger than the shift along the first. */
function cloud(seed: number, shift: number): ActivationBatch {
  const generator = random(seed, 'cloud');
  const values = Float32Array.from({ length: rows * width }, (_, i) => generator.normal() * (i % width === width - 1 ? 20 : 1) + (i % width === 0 ? shift : 0));
  const zeros = new Int32Array(rows);
  return { site: { model: 'toy', hook: 'embed', width }, rows, values, origin: { tokenId: zeros, position: zeros, doc: zeros, docs: [''], domains: [''] }, cursor: { source: '', shard: 0, row: rows } };
}

it('solves a symmetric positive definite system and refuses another', () => {
  const a = Float64Array.of(4, 2, 0, 2, 5, 1, 0, 1, 3);
  const x = solveSpd(a.slice(), Float64Array.of(8, 13, 7));
  // 4x + 2y = 8, 2x + 5y + z = 13, y + 3z = 7
  expect(4 * x[0]! + 2 * x[1]!).toBeCloseTo(8, 12);
  expect(2 * x[0]! + 5 * x[1]! + x[2]!).toBeCloseTo(13, 12);
  expect(x[1]! + 3 * x[2]!).toBeCloseTo(7, 12);
  expect(() => solveSpd(Float64Array.of(1, 2, 2, 1), Float64Array.of(1, 1))).toThrow(/positive definite/);
});

it('finds the direction that tells the texts apart, whatever the noise, and lets the wanted share through on new tokens', () => {
  const gate = fitGate(cloud(1, 4), cloud(2, 0), { domainShare: 0.9 });
  const size = Math.hypot(...gate.direction);
  expect(gate.direction[0]! / size).toBeGreaterThan(0.99);
  expect(openRows(gate, cloud(3, 4).values, rows).length / rows).toBeCloseTo(0.9, 1);
  // N(0, 1) above 4 - 1.28
  expect(openRows(gate, cloud(4, 0).values, rows).length / rows).toBeLessThan(0.01);
  expect(() => fitGate(cloud(1, 4), { ...cloud(2, 0), rows: 1 })).toThrow(/at least 2 rows/);
});
