import { SalmonError } from '@salmon-sae/dataflow';

/**
 * Lower Cholesky factor of a symmetric positive definite [n, n] matrix, row by row in float64 (n³/6 multiply-adds).
 * ml-matrix computes the same on nested arrays, several times slower at n = 2304.
 */
export function choleskyFactor(matrix: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const s = (matrix[i * n + j] as number) - dotRange(l, i * n, j * n, j);
      if (i !== j) {
        l[i * n + j] = s / (l[j * n + j] as number);
        continue;
      }
      if (!(s > 0)) {
        throw new SalmonError('no-data', {
          what: 'A regression has too few independent rows',
          expected: 'a positive definite matrix',
          got: `pivot ${s.toExponential(2)} in column ${i} of ${n}`,
          todo: 'Use more tokens or a larger ridge',
        });
      }
      l[i * n + i] = Math.sqrt(s);
    }
  }
  return l;
}

/** Solves (L Lᵀ) X = B in place; B is [n, columns] row-major. */
export function choleskySolve(l: Float64Array, b: Float64Array, columns: number): void {
  const n = Math.sqrt(l.length);
  for (let i = 0; i < n; i++) eliminate(b, columns, { row: i, from: 0, to: i, weight: (k) => l[i * n + k] as number, pivot: l[i * n + i] as number });
  for (let i = n - 1; i >= 0; i--) {
    eliminate(b, columns, { row: i, from: i + 1, to: n, weight: (k) => l[k * n + i] as number, pivot: l[i * n + i] as number });
  }
}

interface Elimination {
  readonly row: number;
  readonly from: number;
  readonly to: number;
  readonly weight: (k: number) => number;
  readonly pivot: number;
}

function eliminate(b: Float64Array, columns: number, { row, from, to, weight, pivot }: Elimination): void {
  const at = row * columns;
  for (let k = from; k < to; k++) {
    const w = weight(k);
    if (w === 0) continue;
    for (let c = 0; c < columns; c++) b[at + c] = (b[at + c] as number) - w * (b[k * columns + c] as number);
  }
  for (let c = 0; c < columns; c++) b[at + c] = (b[at + c] as number) / pivot;
}

function dotRange(l: Float64Array, a: number, b: number, n: number): number {
  let s = 0;
  for (let k = 0; k < n; k++) s += (l[a + k] as number) * (l[b + k] as number);
  return s;
}
