import type { Document, Tokenizer } from '@salmon-sae/dataflow';

/** One token per word, `w<n>` = id n; ids 0 to 3 are <pad>, <eos>, <bos>, <unk>. BOS is 0 with `zeroBos`. */
export function wordTokenizer(options: { readonly bos?: number | undefined; readonly eos?: number | undefined } = { bos: 2, eos: 1 }): Tokenizer {
  return {
    hash: 'words',
    vocabulary: 1000,
    bos: options.bos,
    eos: options.eos,
    pad: 9,
    specials: new Set([0, 1, 2, 9]),
    encode: (text) => Int32Array.from(text.split(' ').filter(Boolean), (word) => Number(word.slice(1))),
    decode: (ids) => Array.from(ids, (id) => `w${id}`).join(' '),
    token: (id) => ` w${id}`,
  };
}

/** A document of `length` words, numbered from `first`. */
export function wordDocument(id: string, first: number, length: number, row = 1): Document {
  return { id, domain: id.startsWith('x') ? 'x' : 'y', text: Array.from({ length }, (_, i) => `w${first + i}`).join(' '), cursor: { source: 's', shard: 0, row } };
}
