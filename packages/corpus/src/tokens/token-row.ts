import type { Cursor, Document, TokenBatch, Tokenizer } from '@salmon-sae/dataflow';

/** One row before padding: ids of one or (packed) several documents, each of which starts at a segment. */
export interface TokenRow {
  readonly ids: Int32Array;
  readonly segments: readonly Segment[];
}

export interface Segment {
  /** Position in the row at which this document's tokens start. */
  readonly from: number;
  readonly document: Document;
}

/** Pads rows to `context` and puts them in one batch. */
export function batchOf(rows: readonly TokenRow[], context: number, frame: { readonly tokenizer: Tokenizer; readonly cursor: Cursor }): TokenBatch {
  const { tokenizer, cursor } = frame;
  const size = rows.length * context;
  const ids = new Int32Array(size).fill(tokenizer.pad);
  const mask = new Uint8Array(size);
  const special = new Uint8Array(size).fill(1);
  const doc = new Int32Array(size).fill(-1);
  const docs: string[] = [];
  const domains: string[] = [];
  const known = new Map<string, number>();
  for (const [r, row] of rows.entries()) {
    const start = r * context;
    ids.set(row.ids, start);
    mask.fill(1, start, start + row.ids.length);
    for (let i = 0; i < row.ids.length; i++) special[start + i] = tokenizer.specials.has(row.ids[i]!) ? 1 : 0;
    for (const [s, { from, document }] of row.segments.entries()) {
      const key = `${document.domain}\u0000${document.id}`;
      let index = known.get(key);
      if (index === undefined) {
        index = docs.length;
        known.set(key, index);
        docs.push(document.id);
        domains.push(document.domain);
      }
      doc.fill(index, start + from, start + (row.segments[s + 1]?.from ?? row.ids.length));
    }
  }
  return { rows: rows.length, context, ids, mask, special, doc, docs, domains, cursor };
}
