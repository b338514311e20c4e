import type { Document } from '@salmon-sae/dataflow';
import type { Segment, TokenRow } from './token-row.js';

export interface RowFrame {
  readonly context: number;
  /** Id put before each document (and each continuation), if any. */
  readonly bos: number | undefined;
  /** Id put after the last token of each document, if any. */
  readonly eos: number | undefined;
}

export interface RowMaker {
  /** Rows that are complete once this document is in; `cut` = text tokens left out. */
  add(document: Document, ids: Int32Array): { readonly rows: readonly TokenRow[]; readonly cut: number };
  /** What is left at the end of the text. */
  rest(): readonly TokenRow[];
}

/** One document a row; a longer one goes on in further rows (each with BOS) or is cut. */
export function documentRows(frame: RowFrame, long: 'split' | 'truncate'): RowMaker {
  return {
    add: (document, ids) => {
      const rows: TokenRow[] = [];
      const room = frame.context - (frame.bos === undefined ? 0 : 1);
      let at = 0;
      while (at < ids.length) {
        const left = ids.length - at;
        const isLast = left + (frame.eos === undefined ? 0 : 1) <= room || long === 'truncate';
        const eos = isLast ? frame.eos : undefined;
        // A row before the last leaves it at least one token to carry EOS.
        const take = isLast ? Math.min(left, room - (eos === undefined ? 0 : 1)) : Math.min(left - 1, room);
        rows.push({ ids: framed(ids.subarray(at, at + take), frame.bos, eos), segments: [{ from: 0, document }] });
        at += take;
        if (long === 'truncate') break;
      }
      return { rows, cut: ids.length - at };
    },
    rest: () => [],
  };
}

/** Documents one after another, each starting with BOS (and ending with EOS), rows filled to the last position. */
export function packedRows(frame: RowFrame): RowMaker {
  let ids = new Int32Array(frame.context);
  let filled = 0;
  let segments: Segment[] = [];

  const close = (): TokenRow => {
    const row = { ids: ids.slice(0, filled), segments };
    ids = new Int32Array(frame.context);
    filled = 0;
    segments = [];
    return row;
  };

  return {
    add: (document, tokens) => {
      if (tokens.length === 0) return { rows: [], cut: 0 };
      const rows: TokenRow[] = [];
      const text = framed(tokens, undefined, frame.eos);
      const start = frame.bos === undefined ? 1 : 2;
      let at = 0;
      while (at < text.length) {
        // A start that leaves no room for text is no use: the rest of the row stays padding.
        if (filled > 0 && frame.context - filled < start) rows.push(close());
        segments.push({ from: filled, document });
        if (frame.bos !== undefined) ids[filled++] = frame.bos;
        const take = Math.min(text.length - at, frame.context - filled);
        ids.set(text.subarray(at, at + take), filled);
        filled += take;
        at += take;
        if (filled === frame.context) rows.push(close());
      }
      return { rows, cut: 0 };
    },
    rest: () => (filled > 0 ? [close()] : []),
  };
}

function framed(ids: Int32Array, bos: number | undefined, eos: number | undefined): Int32Array {
  if (bos === undefined && eos === undefined) return ids;
  const start = bos === undefined ? 0 : 1;
  const row = new Int32Array(start + ids.length + (eos === undefined ? 0 : 1));
  if (bos !== undefined) row[0] = bos;
  row.set(ids, start);
  if (eos !== undefined) row[row.length - 1] = eos;
  return row;
}
