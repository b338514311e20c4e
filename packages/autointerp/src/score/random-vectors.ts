import { random } from '@salmon-sae/dataflow';

/** Gaussian directions of norm 1, [n, width]. */
export function randomUnitVectors(n: number, width: number, seed: number): Float32Array {
  const draws = random(seed, 'random-directions');
  const out = Float32Array.from({ length: n * width }, () => draws.normal());
  for (let j = 0; j < n; j++) {
    const row = out.subarray(j * width, (j + 1) * width);
    const norm = normOf(row);
    for (let d = 0; d < width; d++) row[d] = (row[d] as number) / norm;
  }
  return out;
}

export function normOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0));
}

export function scaled(vector: Float32Array, norm: number): Float32Array {
  return vector.map((v) => v * norm);
}
