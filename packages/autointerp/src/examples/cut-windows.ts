import type { TokenBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { hashIds, hashText } from './hash.js';

/** Windows of a batch in order of position, columnar. */
export interface Windows {
  readonly count: number;
  /** Flat position of the first token. */
  readonly start: Int32Array;
  readonly length: Int32Array;
  /** Tokens between the start of the text segment and the window. */
  readonly offset: Int32Array;
  /** Index into the batch's `docs`. */
  readonly doc: Int32Array;
  /** Hash of the token ids. */
  readonly hash: Uint32Array;
  /** 0 = explainer, 1 = scorer. */
  readonly pool: Uint8Array;
}

export interface CutOptions {
  readonly window: number;
  readonly seed: number;
  readonly explainerShare: number;
  readonly group?: ((doc: string) => string) | undefined;
}

/**
 * Cuts each run of ordinary tokens of one document into the fewest windows of at most `window` tokens, as equal in length
 * as can be: every ordinary token lies in exactly one window, and activating and silent windows are cut alike.
 */
export function cutWindows(tokens: TokenBatch, options: CutOptions): Windows {
  const { ids, special, mask, doc, context } = tokens;
  const total = tokens.rows * context;
  for (const [name, array] of Object.entries({ ids, special, mask, doc })) {
    if (array.length !== total) {
      throw new SalmonError('bad-shape', {
        what: 'A column of a token batch has the wrong length',
        where: name,
        expected: `rows * context = ${total}`,
        got: String(array.length),
      });
    }
  }
  const pools = tokens.docs.map((id) => poolOf(options.group === undefined ? id : options.group(id), options));
  const start: number[] = [];
  const length: number[] = [];
  const offset: number[] = [];
  let at = 0;
  while (at < total) {
    if (special[at] === 1 || mask[at] === 0) {
      at++;
      continue;
    }
    const rowEnd = (Math.floor(at / context) + 1) * context;
    let end = at + 1;
    while (end < rowEnd && special[end] === 0 && mask[end] === 1 && doc[end] === doc[at]) end++;
    const parts = Math.ceil((end - at) / options.window);
    for (let p = 0; p < parts; p++) {
      const from = at + Math.floor(((end - at) * p) / parts);
      const to = at + Math.floor(((end - at) * (p + 1)) / parts);
      start.push(from);
      length.push(to - from);
      offset.push(from - at);
    }
    at = end;
  }
  const docs = Int32Array.from(start, (s) => doc[s] as number);
  return {
    count: start.length,
    start: Int32Array.from(start),
    length: Int32Array.from(length),
    offset: Int32Array.from(offset),
    doc: docs,
    hash: Uint32Array.from(start, (s, w) => hashIds(ids, s, length[w] as number)),
    pool: Uint8Array.from(docs, (d) => pools[d] ?? 0),
  };
}

/** 0 = explainer, 1 = scorer: a fixed function of the document's group and the seed. */
export function poolOf(group: string, options: Pick<CutOptions, 'seed' | 'explainerShare'>): number {
  return hashText(group, options.seed) / 4294967296 < options.explainerShare ? 0 : 1;
}

/** Flat positions of the ordinary tokens of a batch, ascending: the rows to gather, encode and hand to the collector. */
export function contentPositions(tokens: TokenBatch): Int32Array {
  const out = new Int32Array(tokens.rows * tokens.context);
  let n = 0;
  for (let i = 0; i < out.length; i++) if (tokens.special[i] === 0 && tokens.mask[i] === 1) out[n++] = i;
  return out.slice(0, n);
}
