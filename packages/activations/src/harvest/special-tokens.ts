import type { RowFilter } from './filter.js';

/** Drops BOS, EOS and other special tokens (padding never becomes a row in the first place). */
export function specialTokens(): RowFilter {
  return {
    name: 'special-tokens',
    facts: null,
    select: ({ at, batch }) => Uint8Array.from(at, (i) => (batch.special[i] === 1 ? 0 : 1)),
  };
}
