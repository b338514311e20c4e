/** Seed of the random rounding of one update (32 bits): a mixing of the matrix's seed and the update's number. */
export function roundingSeed(seed: number, step: number): number {
  return randomBits(Math.imul(seed + 1, 0x9e3779b9) ^ step, 0);
}

/** A mixing function of 32 bits (multiply and shift, full avalanche): the random bits of one entry. */
export function randomBits(seed: number, entry: number): number {
  let x = entry ^ seed;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
