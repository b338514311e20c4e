/**
 * `dense_binding@1` (candidate for arXiv 2506.15679's context-binding latents): a member of an antipodal pair (s > 0.9) whose sign holds
 * within a passage. The paper confirms such pairs by steering; this looks at activations alone.
 */
export const BINDING_GAIN = 0.2;

export interface SignPersistence {
  /** P(two active tokens of one document have the same member of the pair active). */
  readonly within: number;
  /** The same for two active tokens of any documents. */
  readonly overall: number;
}

/** `sign`: +1 / −1 where one member of the pair is active, 0 where none; order within a document does not matter. */
export function signPersistence(sign: ArrayLike<number>, documents: ArrayLike<number>): SignPersistence {
  const counts = new Map<number, [number, number]>();
  const all: [number, number] = [0, 0];
  for (let t = 0; t < sign.length; t++) {
    if (sign[t] === 0) continue;
    const side = (sign[t] as number) > 0 ? 0 : 1;
    const own = counts.get(documents[t] as number) ?? [0, 0];
    own[side]++;
    all[side]++;
    counts.set(documents[t] as number, own);
  }
  let same = 0;
  let pairs = 0;
  for (const [a, b] of counts.values()) {
    same += a * (a - 1) + b * (b - 1);
    pairs += (a + b) * (a + b - 1);
  }
  const [a, b] = all;
  const total = (a + b) * (a + b - 1);
  return { within: pairs === 0 ? 0 : same / pairs, overall: total === 0 ? 0 : (a * (a - 1) + b * (b - 1)) / total };
}
