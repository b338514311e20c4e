/** The `count` latents with the largest scores, largest first; ties go to the lower index. */
export function largest(scores: ArrayLike<number>, count: number): Int32Array {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i);
  return order.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, count);
}
