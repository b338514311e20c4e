import type { TokenBatch } from '@salmon-sae/dataflow';

/** [rows * context] 1 where the activation is replaced: real tokens, without special ones unless they are included. */
export function editedPositions(batch: TokenBatch, specials: 'exclude' | 'include'): Uint8Array {
  return batch.mask.map((real, i) => (real === 1 && (specials === 'include' || batch.special[i] === 0) ? 1 : 0));
}
