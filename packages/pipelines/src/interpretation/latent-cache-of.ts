import type { LatentCache } from '@salmon-sae/autointerp';
import type { Tokenizer } from '@salmon-sae/dataflow';
import { activationsOf } from './collect-contexts.js';
import type { Coder, ReadText } from './collect-contexts.js';

/**
 * One coder's codes of a whole text as a latent cache: rows padded to the longest, special and padding positions without codes.
 * Holds all codes in memory.
 */
export async function latentCacheOf(coder: Coder, text: ReadText, tokenizer: Pick<Tokenizer, 'pad'>): Promise<LatentCache> {
  const context = text.rows.reduce((longest, batch) => Math.max(longest, batch.context), 0);
  const sequences = text.rows.reduce((sum, batch) => sum + batch.rows, 0);
  const tokens = new Int32Array(sequences * context).fill(tokenizer.pad);
  const indptr = new Int32Array(sequences * context + 1);
  const indices: number[] = [];
  const values: number[] = [];
  let first = 0;
  let written = 0;
  // Batches without ordinary tokens come with no activations, so rows are counted here and not there.
  const starts = new Map(text.rows.map((batch) => {
    const start = first;
    first += batch.rows;
    for (let r = 0; r < batch.rows; r++) tokens.set(batch.ids.subarray(r * batch.context, (r + 1) * batch.context), (start + r) * context);
    return [batch, start] as const;
  }));
  for await (const { tokens: batch, positions, x } of activationsOf(text)) {
    const codes = coder.encode(x, positions.length);
    const start = starts.get(batch) ?? 0;
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i] as number;
      const row = (start + Math.floor(position / batch.context)) * context + (position % batch.context);
      while (written < row) indptr[++written] = indices.length;
      for (let k = codes.indptr[i] as number; k < (codes.indptr[i + 1] as number); k++) {
        indices.push(codes.indices[k] as number);
        values.push(codes.values[k] as number);
      }
    }
  }
  while (written < sequences * context) indptr[++written] = indices.length;
  return { sequences, context, tokens, codes: { rows: sequences * context, latents: coder.latents, indptr, indices: Int32Array.from(indices), values: Float32Array.from(values) } };
}
