/**
 * Seeded randomness whose state can be stored and restored, so that a resumed run draws what an uninterrupted one draws.
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, seeded through splitmix32.
 */
export interface Random {
  /** Uniform in [0, 1) with 32 bits. */
  next(): number;
  /** Uniform integer in [0, n). */
  below(n: number): number;
  /** Standard normal (Box-Muller, one value a call, no hidden spare). */
  normal(): number;
  /** Fisher-Yates, in place. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T;
  /** Four 32-bit words. */
  state(): RandomState;
}

export type RandomState = readonly [number, number, number, number];

/** A generator from a seed and any number of labels: the same labels give the same stream, others independent ones. */
export function random(seed: number, ...labels: readonly (string | number)[]): Random {
  let h = splitmix(seed >>> 0);
  for (const label of labels) {
    const text = String(label);
    for (let i = 0; i < text.length; i++) h = splitmix(h ^ Math.imul(text.charCodeAt(i) + 1, 0x9e3779b1));
    h = splitmix(h ^ 0x85ebca6b);
  }
  const a = splitmix(h);
  const b = splitmix(a);
  const c = splitmix(b);
  const generator = fromState([a, b, c, 1]);
  for (let i = 0; i < 12; i++) generator.next();
  return generator;
}

export function restoreRandom(state: RandomState): Random {
  return fromState(state);
}

function fromState(state: RandomState): Random {
  let [a, b, c, d] = state.map((word) => word | 0) as unknown as [number, number, number, number];
  const bits = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  const next = (): number => bits() / 4294967296;
  const below = (n: number): number => Math.floor(next() * n);
  return {
    next,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    shuffle: (items) => {
      const array = items as { length: number; [index: number]: unknown };
      for (let i = array.length - 1; i > 0; i--) {
        const j = below(i + 1);
        const held = array[i];
        array[i] = array[j];
        array[j] = held;
      }
      return items;
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}

function splitmix(seed: number): number {
  let z = (seed + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}
