import { SalmonError } from '@salmon-sae/dataflow';

/** Solves A x = b for a symmetric positive definite A [n, n] (row-major, overwritten by its Cholesky factor), in float64. */
export function solveSpd(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (i > j) a[i * n + j] = sum / a[j * n + j]!;
      else if (sum > 0) a[i * n + i] = Math.sqrt(sum);
      else {
        throw new SalmonError('bad-config', {
          what: 'The covariance is not positive definite',
          expected: 'a ridge above 0 or activations that vary in every dimension',
          got: `pivot ${sum} at dimension ${i}`,
          todo: 'Raise the ridge or use more tokens',
        });
      }
    }
  }
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= a[i * n + k]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= a[k * n + i]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  return x;
}
