import type { ActivationBatch } from './currency.js';

/**
 * How well rows are mixed: the Shannon entropy, in bits, of the documents of a batch's rows. 0 = all rows from one document;
 * log2(rows) = every row from another one. Rows without a document (-1) count as one more document.
 */
export function documentEntropy(batch: Pick<ActivationBatch, 'rows' | 'origin'>): number {
  if (batch.rows === 0) return 0;
  const counts = new Map<number, number>();
  for (const doc of batch.origin.doc) counts.set(doc, (counts.get(doc) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) {
    const share = count / batch.rows;
    entropy -= share * Math.log2(share);
  }
  return Math.max(0, entropy);
}
