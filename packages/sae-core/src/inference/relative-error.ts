/** Largest difference between two arrays, over the largest magnitude of the expected one; infinite when their lengths differ. */
export function relativeError(got: Float32Array, expected: Float32Array): number {
  if (got.length !== expected.length) return Infinity;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < got.length; i++) {
    const apart = Math.abs((got[i] as number) - (expected[i] as number));
    if (!(apart <= difference)) difference = apart;
    size = Math.max(size, Math.abs(expected[i] as number));
  }
  return difference === 0 ? 0 : difference / size;
}
