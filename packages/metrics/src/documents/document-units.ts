import { textHash } from './text-hash.js';

/**
 * What the bootstrap resamples: documents, or, beyond `limit` documents, hash groups of documents.
 * Memory stays bounded and the grouping depends on the document ids alone, not on their order.
 */
export interface DocumentUnits {
  readonly count: number;
  readonly documents: number;
  /** Unit of each row whose document is `docs[doc[row]]`; −1 where doc is −1. Documents without a row are not counted. */
  locate(docs: readonly string[], doc: Int32Array): Int32Array;
  /** Indices of the units in an order that does not depend on when they were first seen. */
  order(): Int32Array;
  /** Called with old index -> new index when documents are folded into groups. */
  onFold(listener: (target: Int32Array, count: number) => void): void;
  /** Names the set of units. */
  signature(): string;
}

export function documentUnits(limit: number): DocumentUnits {
  const seen = new Map<string, number>();
  const listeners: ((target: Int32Array, count: number) => void)[] = [];
  let folded = false;

  const group = (doc: string): number => textHash(doc) % limit;
  const fold = (): void => {
    const target = new Int32Array(seen.size);
    for (const [doc, index] of seen) {
      target[index] = group(doc);
      seen.set(doc, group(doc));
    }
    folded = true;
    for (const listener of listeners) listener(target, limit);
  };
  const indexOf = (doc: string): number => {
    const known = seen.get(doc);
    if (known !== undefined) return known;
    if (!folded && seen.size >= limit) fold();
    const index = folded ? group(doc) : seen.size;
    seen.set(doc, index);
    return index;
  };

  return {
    get count() {
      return folded ? limit : seen.size;
    },
    get documents() {
      return seen.size;
    },
    locate: (docs, doc) => {
      const used = new Int32Array(docs.length).fill(-1);
      for (const d of doc) if (d >= 0 && used[d] === -1) used[d] = indexOf(docs[d] as string);
      // The batch itself may have caused the folding: then the first indices are out of date.
      return doc.map((d) => (d < 0 ? -1 : folded ? indexOf(docs[d] as string) : (used[d] as number)));
    },
    order: () => {
      if (folded) return Int32Array.from(new Set([...seen.values()].sort((a, b) => a - b)));
      return Int32Array.from([...seen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, index]) => index));
    },
    onFold: (listener) => listeners.push(listener),
    signature: () => {
      let a = 0;
      let b = 0;
      for (const doc of seen.keys()) {
        a = (a + textHash(doc, 1)) >>> 0;
        b = (b ^ textHash(doc, 2)) >>> 0;
      }
      return `${folded ? 'groups' : 'documents'}:${seen.size}:${limit}:${a.toString(16)}${b.toString(16)}`;
    },
  };
}
