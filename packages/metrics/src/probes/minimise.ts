/** A smooth function: returns its value at `x` and writes its gradient. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface MinimiseOptions {
  readonly iterations?: number;
  /** Stops when the largest gradient entry is below this (default 1e-6). */
  readonly tolerance?: number;
}

/** L-BFGS (Nocedal and Wright, algorithms 7.4 and 7.5) with eight pairs and a backtracking Armijo search; float64 throughout. */
export function minimise(objective: Objective, start: Float64Array, options: MinimiseOptions = {}): Float64Array {
  const iterations = options.iterations ?? 200;
  const tolerance = options.tolerance ?? 1e-6;
  const n = start.length;
  let x = Float64Array.from(start);
  let gradient = new Float64Array(n);
  let value = objective(x, gradient);
  const memory: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    if (gradient.every((g) => Math.abs(g) < tolerance)) break;
    let direction = descent(gradient, memory);
    let slope = dot(direction, gradient);
    if (slope >= 0) {
      memory.length = 0;
      direction = gradient.map((g) => -g);
      slope = dot(direction, gradient);
    }
    let step = memory.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    let next = x;
    let nextGradient = gradient;
    let nextValue = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 40 && !(nextValue <= value + 1e-4 * step * slope); tries++) {
      if (tries > 0) step /= 2;
      const at = step;
      next = x.map((v, i) => v + at * (direction[i] as number));
      nextGradient = new Float64Array(n);
      nextValue = objective(next, nextGradient);
    }
    if (!(nextValue < value)) break;
    const s = next.map((v, i) => v - (x[i] as number));
    const from = gradient;
    const y = nextGradient.map((g, i) => g - (from[i] as number));
    const curvature = dot(s, y);
    if (curvature > 1e-12 * dot(y, y)) {
      memory.push({ s, y, rho: 1 / curvature });
      if (memory.length > 8) memory.shift();
    }
    const gain = value - nextValue;
    x = next;
    gradient = nextGradient;
    value = nextValue;
    if (gain <= 1e-13 * Math.max(1, Math.abs(value))) break;
  }
  return x;
}

function descent(gradient: Float64Array, memory: readonly { s: Float64Array; y: Float64Array; rho: number }[]): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas: number[] = [];
  for (const { s, y, rho } of [...memory].reverse()) {
    const alpha = rho * dot(s, q);
    alphas.push(alpha);
    for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) - alpha * (y[i] as number);
  }
  const last = memory[memory.length - 1];
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * scale;
  }
  for (const { s, y, rho } of memory) {
    const beta = rho * dot(y, q);
    const alpha = alphas.pop() as number;
    for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) + (alpha - beta) * (s[i] as number);
  }
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += (a[i] as number) * (b[i] as number);
  return s;
}
