import type { Edit, TokenBatch } from '@salmon-sae/dataflow';

export interface SpliceOptions {
  readonly hook: string;
  /** `keep` leaves BOS, EOS and other special tokens as they are; `replace` treats them like text. Default `keep`. */
  readonly specials?: 'keep' | 'replace';
}

/** The positions of a token batch that a splice touches: real tokens, special ones only if asked. [rows * context] */
export function splicePositions(batch: TokenBatch, specials: 'keep' | 'replace' = 'keep'): Uint8Array {
  return batch.mask.map((real, i) => (real === 1 && (specials === 'replace' || batch.special[i] !== 1) ? 1 : 0));
}

/**
 * An edit that puts `reconstruct(x)` in the place of the activations x [n, width] at the spliced positions; the function
 * gets only those rows and returns as many.
 *
 * @example
 * model.scoreEdits(batch, [[splice(batch, (x, width) => sae.reconstruct(x, width), { hook: 'resid_post.4' })]])
 */
export function splice(
  batch: TokenBatch,
  reconstruct: (rows: Float32Array, width: number) => Float32Array,
  options: SpliceOptions,
): Edit {
  const where = splicePositions(batch, options.specials);
  const at = [...where.keys()].filter((i) => where[i] === 1);
  return {
    kind: 'map',
    hook: options.hook,
    where,
    fn: (values, width) => {
      const rows = new Float32Array(at.length * width);
      at.forEach((from, i) => rows.set(values.subarray(from * width, (from + 1) * width), i * width));
      const rebuilt = reconstruct(rows, width);
      const whole = values.slice();
      at.forEach((to, i) => whole.set(rebuilt.subarray(i * width, (i + 1) * width), to * width));
      return whole;
    },
  };
}
