import type { ActivationBatch } from '../src/index.js';

/** Rows numbered from `first`: row n holds n in every value, -n in the target, document n / perDoc. */
export function numbered(first: number, rows: number, options: { readonly width?: number; readonly target?: boolean; readonly perDoc?: number } = {}): ActivationBatch {
  const { width = 3, target = false, perDoc = 4 } = options;
  const names = [...new Set(Array.from({ length: rows }, (_, i) => Math.floor((first + i) / perDoc)))];
  return {
    site: { model: 'm', hook: 'resid_post.0', width },
    rows,
    values: Float32Array.from({ length: rows * width }, (_, i) => first + Math.floor(i / width)),
    ...(target ? { target: Float32Array.from({ length: rows * 2 }, (_, i) => -(first + Math.floor(i / 2))) } : {}),
    origin: {
      tokenId: Int32Array.from({ length: rows }, (_, i) => 1000 + first + i),
      position: Int32Array.from({ length: rows }, (_, i) => (first + i) % perDoc),
      doc: Int32Array.from({ length: rows }, (_, i) => names.indexOf(Math.floor((first + i) / perDoc))),
      docs: names.map((name) => `d${name}`),
      domains: names.map((name) => (name % 2 === 0 ? 'even' : 'odd')),
    },
    cursor: { source: 's', shard: 0, row: first + rows },
  };
}

/** The numbers of a batch's rows, after checking that every column agrees with the number. */
export function numbersOf(batch: ActivationBatch, perDoc = 4): number[] {
  const { width } = batch.site;
  return Array.from({ length: batch.rows }, (_, r) => {
    const n = batch.values[r * width]!;
    for (let i = 0; i < width; i++) if (batch.values[r * width + i] !== n) throw new Error(`row ${r}: values differ`);
    if (batch.target !== undefined && (batch.target[r * 2] !== -n || batch.target[r * 2 + 1] !== -n)) throw new Error(`row ${r}: target`);
    if (batch.origin.tokenId[r] !== 1000 + n || batch.origin.position[r] !== n % perDoc) throw new Error(`row ${r}: origin`);
    const doc = Math.floor(n / perDoc);
    if (batch.origin.docs[batch.origin.doc[r]!] !== `d${doc}`) throw new Error(`row ${r}: document`);
    if (batch.origin.domains[batch.origin.doc[r]!] !== (doc % 2 === 0 ? 'even' : 'odd')) throw new Error(`row ${r}: domain`);
    return n;
  });
}
