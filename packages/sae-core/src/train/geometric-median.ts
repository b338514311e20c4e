/**
 * Geometric median of rows by Weiszfeld's iteration from the mean, as dictionary_learning does it: at most 100 rounds, until the
 * guess moves by less than 1e-5. Float64 throughout.
 */
export function geometricMedian(values: Float32Array, width: number, options: { readonly rounds?: number; readonly tolerance?: number } = {}): Float32Array {
  const { rounds = 100, tolerance = 1e-5 } = options;
  let guess = columnMean(values, width);
  for (let round = 0; round < rounds; round++) {
    const next = new Float64Array(width);
    let total = 0;
    for (let start = 0; start < values.length; start += width) {
      let squares = 0;
      for (let i = 0; i < width; i++) squares += (values[start + i]! - guess[i]!) ** 2;
      const weight = 1 / Math.max(Math.sqrt(squares), 1e-12);
      total += weight;
      for (let i = 0; i < width; i++) next[i]! += weight * values[start + i]!;
    }
    let moved = 0;
    for (let i = 0; i < width; i++) {
      next[i]! /= total;
      moved += (next[i]! - guess[i]!) ** 2;
    }
    guess = next;
    if (Math.sqrt(moved) < tolerance) break;
  }
  return Float32Array.from(guess);
}

/** Mean of each column, float64. */
export function columnMean(values: Float32Array, width: number): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0; i < values.length; i++) mean[i % width]! += values[i]!;
  const rows = values.length / width;
  for (let i = 0; i < width; i++) mean[i]! /= rows;
  return mean;
}
