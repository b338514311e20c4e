import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { choleskyFactor, choleskySolve } from './cholesky.js';
import { addCrossProducts } from './cross-products.js';
import { ridgeSolver } from './ridge.js';

const draw = random(2);
const gaussian = (n: number): Float64Array => Float64Array.from({ length: n }, () => draw.normal());

describe('linear algebra', () => {
  it('multiplies aᵀb for odd shapes and part blocks', () => {
    for (const [rows, p, q] of [[1, 1, 1], [65, 3, 5], [200, 7, 4], [130, 8, 8]] as const) {
      const a = gaussian(rows * p);
      const b = gaussian(rows * q);
      const into = new Float64Array(p * q).fill(1);
      addCrossProducts(into, { data: a, columns: p }, { data: b, columns: q });
      for (let i = 0; i < p; i++) {
        for (let j = 0; j < q; j++) {
          let expected = 1;
          for (let t = 0; t < rows; t++) expected += (a[t * p + i] as number) * (b[t * q + j] as number);
          expect(into[i * q + j]).toBeCloseTo(expected, 10);
        }
      }
    }
  });

  it('solves a symmetric system and refuses a singular one', () => {
    const n = 9;
    const a = gaussian(40 * n);
    const gram = new Float64Array(n * n);
    addCrossProducts(gram, { data: a, columns: n }, { data: a, columns: n });
    const truth = gaussian(n * 2);
    const b = new Float64Array(n * 2);
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < 2; c++) {
        for (let k = 0; k < n; k++) b[i * 2 + c] = (b[i * 2 + c] as number) + (gram[i * n + k] as number) * (truth[k * 2 + c] as number);
      }
    }
    choleskySolve(choleskyFactor(gram, n), b, 2);
    b.forEach((v, i) => expect(v).toBeCloseTo(truth[i] as number, 9));
    expect(() => choleskyFactor(Float64Array.of(1, 1, 1, 1), 2)).toThrow(/too few independent rows/);
  });

  it('recovers a planted map with intercept, ignores constant inputs and shrinks with ridge', () => {
    const x = gaussian(500 * 3).map((v, i) => (i % 3 === 2 ? 7 : 100 * v + 5));
    const y = Float64Array.from({ length: 500 }, (_, t) => 2 * (x[t * 3] as number) - (x[t * 3 + 1] as number) + 4);
    const gram = new Float64Array(9);
    const cross = new Float64Array(3);
    addCrossProducts(gram, { data: x, columns: 3 }, { data: x, columns: 3 });
    addCrossProducts(cross, { data: x, columns: 3 }, { data: y, columns: 1 });
    const inputSums = new Float64Array(3);
    x.forEach((v, i) => (inputSums[i % 3] = (inputSums[i % 3] as number) + v));
    const equations = { targets: 1, targetSums: Float64Array.of(y.reduce((a, b) => a + b, 0)), cross };
    const shared = { inputs: 3, rows: 500, inputSums, gram };
    const exact = ridgeSolver(shared, { ridge: 0, intercept: true })(equations);
    [2, -1, 0].forEach((w, i) => expect(exact.weights[i]).toBeCloseTo(w, 9));
    expect(exact.bias[0]).toBeCloseTo(4, 7);
    const shrunk = ridgeSolver(shared, { ridge: 1, intercept: true })(equations);
    expect(shrunk.weights[0]).toBeCloseTo(1, 0);
  });
});
