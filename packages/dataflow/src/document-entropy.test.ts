import { describe, expect, it } from 'vitest';
import { numbered } from '../test/rows.js';
import { documentEntropy } from './document-entropy.js';

describe('documentEntropy', () => {
  it('is 0 for one document, log2(rows) for as many documents as rows', () => {
    expect(documentEntropy(numbered(0, 8, { perDoc: 8 }))).toBe(0);
    expect(documentEntropy(numbered(0, 8, { perDoc: 1 }))).toBeCloseTo(3, 12);
    expect(documentEntropy(numbered(0, 0))).toBe(0);
  });

  it('is the Shannon entropy in bits in between', () => {
    // 4 rows of one document, 2 of another, 2 without any: 1/2, 1/4, 1/4.
    const batch = numbered(0, 6, { perDoc: 4 });
    const doc = Int32Array.of(0, 0, 0, 0, 1, 1, -1, -1);
    expect(documentEntropy({ rows: 8, origin: { ...batch.origin, doc } })).toBeCloseTo(1.5, 12);
  });
});
