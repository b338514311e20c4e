/** Loss of one feature when n latents are spent on it; convex and falling in n, L(0) = 1. */
export type FeatureLoss = (latents: number) => number;

/** A feature that one latent captures wholly. */
export const discreteFeature: FeatureLoss = (n) => (n >= 1 ? 0 : 1);

/** A manifold that ever more latents tile: L(n) = (n + 1)^(−β). */
export function manifoldFeature(beta: number): FeatureLoss {
  return (n) => (n + 1) ** -beta;
}

/** Firing probabilities p_i ∝ i^(−(1 + α)), i = 1 … count, summing to 1. */
export function powerLawFrequencies(alpha: number, count: number): Float64Array {
  const p = Float64Array.from({ length: count }, (_, i) => (i + 1) ** -(1 + alpha));
  const total = p.reduce((a, b) => a + b, 0);
  return p.map((v) => v / total);
}

export interface CapacityAllocation {
  /** [checkpoints] total latents, total loss, and features with at least one latent. */
  readonly latents: readonly number[];
  readonly loss: readonly number[];
  readonly discovered: readonly number[];
  /** [features] latents of each feature at the end. */
  readonly allocation: Int32Array;
}

/**
 * Optimal allocation of latents among features (arXiv 2509.02565): the next latent always goes to argmax_i p_i (L_i(n_i) − L_i(n_i + 1)),
 * which is exact for convex losses. O(N log features). Reports the loss Σ p_i L_i(n_i) at each of the ascending `checkpoints`.
 */
export function allocateCapacity(frequencies: Float64Array, lossOf: (feature: number) => FeatureLoss, checkpoints: readonly number[]): CapacityAllocation {
  const allocation = new Int32Array(frequencies.length);
  const losses = Array.from(frequencies, (_, i) => lossOf(i));
  const gain = (i: number): number => {
    const f = losses[i] as FeatureLoss;
    const n = allocation[i] as number;
    return (frequencies[i] as number) * (f(n) - f(n + 1));
  };
  const heap = Array.from(frequencies, (_, feature) => ({ feature, gain: gain(feature) })).sort((a, b) => b.gain - a.gain);
  let loss = frequencies.reduce((sum, p, i) => sum + p * (losses[i] as FeatureLoss)(0), 0);
  let discovered = 0;
  const out = { latents: [] as number[], loss: [] as number[], discovered: [] as number[] };
  const last = checkpoints[checkpoints.length - 1] ?? 0;
  let next = 0;
  for (let n = 0; n <= last; n++) {
    while (checkpoints[next] === n) {
      out.latents.push(n);
      out.loss.push(loss);
      out.discovered.push(discovered);
      next++;
    }
    const top = heap[0];
    if (top === undefined || n === last) break;
    loss -= top.gain;
    if (allocation[top.feature] === 0) discovered++;
    allocation[top.feature] = (allocation[top.feature] as number) + 1;
    top.gain = gain(top.feature);
    siftDown(heap);
  }
  return { ...out, allocation };
}

function siftDown(heap: { feature: number; gain: number }[]): void {
  for (let at = 0; ; ) {
    const left = 2 * at + 1;
    if (left >= heap.length) return;
    const right = left + 1;
    const child = right < heap.length && (heap[right] as { gain: number }).gain > (heap[left] as { gain: number }).gain ? right : left;
    const parent = heap[at] as { feature: number; gain: number };
    const other = heap[child] as { feature: number; gain: number };
    if (other.gain <= parent.gain) return;
    heap[at] = other;
    heap[child] = parent;
    at = child;
  }
}
