import type { ActivationBatch } from '@salmon-sae/dataflow';
import { mixBits, textHash } from '../documents/text-hash.js';

/**
 * Which rows fit the regression and which score it. `token-hash` (default) shuffles tokens by a hash of document and position,
 * `document-hash` keeps documents whole, `first-rows` is the contiguous split of the Salmon authors' code.
 */
export type DarkMatterSplit =
  | { readonly kind: 'token-hash'; readonly train?: number; readonly seed?: number }
  | { readonly kind: 'document-hash'; readonly train?: number; readonly seed?: number }
  | { readonly kind: 'first-rows'; readonly rows: number };

/** [rows] 1 = train, 2 = test, 0 = left out; `rowsBefore` counts the rows kept in earlier batches. */
export function assignRows(batch: ActivationBatch, split: DarkMatterSplit, context: { rowsBefore: number; minPosition: number }): Uint8Array {
  const { doc, docs, position } = batch.origin;
  const hashes = split.kind === 'first-rows' ? [] : docs.map((id) => textHash(id, split.seed ?? 0));
  let kept = context.rowsBefore;
  return Uint8Array.from({ length: batch.rows }, (_, t) => {
    if ((position[t] as number) < context.minPosition) return 0;
    const index = kept++;
    if (split.kind === 'first-rows') return index < split.rows ? 1 : 2;
    const ofDocument = hashes[doc[t] as number] as number;
    const hash = split.kind === 'token-hash' ? mixBits(ofDocument ^ Math.imul((position[t] as number) + 1, 0x9e3779b1)) : mixBits(ofDocument);
    return hash / 4294967296 < (split.train ?? 0.6) ? 1 : 2;
  });
}
