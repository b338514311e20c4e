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

/** Solves (L Lᵀ) X = B in place; B is [n, columns] row-major (n² columns multiply-adds), four columns at a time. */
export function choleskySolve(l: Float64Array, b: Float64Array, columns: number): void {
  const n = Math.sqrt(l.length);
  const upper = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) upper[j * n + i] = l[i * n + j] as number;
  const x = [0, 1, 2, 3].map(() => new Float64Array(n)) as [Float64Array, Float64Array, Float64Array, Float64Array];
  for (let first = 0; first < columns; first += 4) {
    const width = Math.min(4, columns - first);
    for (let c = 0; c < width; c++) for (let i = 0; i < n; i++) (x[c] as Float64Array)[i] = b[i * columns + first + c] as number;
    for (let i = 0; i < n; i++) eliminate(x, l, { row: i, from: 0, to: i });
    for (let i = n - 1; i >= 0; i--) eliminate(x, upper, { row: i, from: i + 1, to: n });
    for (let c = 0; c < width; c++) for (let i = 0; i < n; i++) b[i * columns + first + c] = (x[c] as Float64Array)[i] as number;
  }
}

/** x[row] = (x[row] − Σ_k triangle[row, k] x[k]) / triangle[row, row] for four right-hand sides. */
function eliminate(
  [a, b, c, d]: readonly [Float64Array, Float64Array, Float64Array, Float64Array],
  triangle: Float64Array,
  { row, from, to }: { readonly row: number; readonly from: number; readonly to: number },
): void {
  const at = row * a.length;
  let sa = a[row] as number;
  let sb = b[row] as number;
  let sc = c[row] as number;
  let sd = d[row] as number;
  for (let k = from; k < to; k++) {
    const w = triangle[at + k] as number;
    sa -= w * (a[k] as number);
    sb -= w * (b[k] as number);
    sc -= w * (c[k] as number);
    sd -= w * (d[k] as number);
  }
  const pivot = triangle[at + row] as number;
  a[row] = sa / pivot;
  b[row] = sb / pivot;
  c[row] = sc / pivot;
  d[row] = sd / pivot;
}

function dotRange(l: Float64Array, a: number, b: number, n: number): number {
  let s = 0;
  for (let k = 0; k < n; k++) s += (l[a + k] as number) * (l[b + k] as number);
  return s;
}
