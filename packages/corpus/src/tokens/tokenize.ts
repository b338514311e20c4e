import { Observable } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Cursor, Document, TokenBatch, Tokenizer } from '@salmon-sae/dataflow';
import { documentRows, packedRows } from './row-maker.js';
import type { RowFrame, RowMaker } from './row-maker.js';
import { batchOf } from './token-row.js';
import type { TokenRow } from './token-row.js';

export interface TokenizeOptions {
  /** Longest row, in tokens, BOS and EOS included. */
  readonly context: number;
  /** `document`: one document a row. `pack`: rows filled to the end with one document after another. */
  readonly packing: 'pack' | 'document';
  /** Rows of a batch (default 8). */
  readonly batchRows?: number;
  /** Put BOS before each document, where the tokenizer has one (default true). */
  readonly bos?: boolean;
  /** Put EOS after each document (default false). */
  readonly eos?: boolean;
  /** Documents longer than a row, with `document`: go on in further rows (default) or lose their end. */
  readonly long?: 'split' | 'truncate';
  /** Sort rows by length before they are batched, within windows of this many batches (true: 32), so that little is padding. */
  readonly bucket?: boolean | number;
  /** Pad to the longest row of a batch (default) or always to `context`. */
  readonly pad?: 'longest' | 'context';
  /** Told the running totals after each batch, and once at the end. */
  readonly onReport?: (report: TokenizeReport) => void;
}

/** Where the tokens of a text went: every text token is in a row or counted as cut. */
export interface TokenizeReport {
  readonly documents: number;
  /** Documents without a single token: left out. */
  readonly emptyDocuments: number;
  /** Documents that lost their end, or went on in a further row. */
  readonly truncatedDocuments: number;
  readonly splitDocuments: number;
  /** Text tokens read, BOS and EOS not counted. */
  readonly textTokens: number;
  readonly truncatedTokens: number;
  readonly rows: number;
  /** Positions of the rows that hold a token (BOS and EOS included), and that are padding. */
  readonly rowTokens: number;
  readonly padding: number;
}

export const TOKENIZE_DEFAULTS = { batchRows: 8, bos: true, eos: false, long: 'split', bucketBatches: 32, pad: 'longest' } as const;

/**
 * Turns documents into padded batches of token rows.
 *
 * Buffers one batch of rows (with `bucket`: one window of batches). A batch's cursor is that of the last document in it; with
 * `pack` the end of that document may be in the next batch, and with `bucket` only the last batch of a window moves the cursor on, so
 * that resuming there repeats text rather than leaving it out. Throws `no-data` when the text gives no row at all.
 */
export function tokenize(tokenizer: Tokenizer, options: TokenizeOptions): OperatorFunction<Document, TokenBatch> {
  const frame = frameOf(tokenizer, options);
  const batchRows = checked('batchRows', options.batchRows ?? TOKENIZE_DEFAULTS.batchRows, 1);
  const bucket = options.bucket === true ? TOKENIZE_DEFAULTS.bucketBatches : options.bucket === false ? 1 : checked('bucket', options.bucket ?? 1, 1);
  const window = bucket * batchRows;
  const long = options.long ?? TOKENIZE_DEFAULTS.long;
  return (source) =>
    new Observable<TokenBatch>((subscriber) => {
      const maker: RowMaker = options.packing === 'pack' ? packedRows(frame) : documentRows(frame, long);
      const totals = { documents: 0, emptyDocuments: 0, truncatedDocuments: 0, splitDocuments: 0, textTokens: 0, truncatedTokens: 0, rows: 0, rowTokens: 0, padding: 0 };
      let waiting: TokenRow[] = [];
      let settled: Cursor | undefined;
      let newest: Cursor | undefined;

      const take = (document: Document): void => {
        const ids = tokenizer.encode(document.text);
        settled ??= before(document);
        newest = document.cursor;
        totals.documents++;
        totals.textTokens += ids.length;
        if (ids.length === 0) {
          totals.emptyDocuments++;
          return;
        }
        const { rows, cut } = maker.add(document, ids);
        totals.truncatedTokens += cut;
        if (cut > 0) totals.truncatedDocuments++;
        if (options.packing === 'document' && rows.length > 1) totals.splitDocuments++;
        push(rows);
      };

      const push = (rows: readonly TokenRow[]): void => {
        for (const row of rows) {
          waiting.push(row);
          if (waiting.length === window) flush();
          if (subscriber.closed) return;
        }
      };

      const flush = (): void => {
        const rows = waiting;
        waiting = [];
        if (bucket > 1) rows.sort((a, b) => a.ids.length - b.ids.length);
        for (let at = 0; at < rows.length && !subscriber.closed; at += batchRows) {
          const cut = rows.slice(at, at + batchRows);
          const isLast = at + batchRows >= rows.length;
          if (isLast) settled = newest;
          emit(cut, settled!);
        }
      };

      const emit = (rows: readonly TokenRow[], cursor: Cursor): void => {
        const longest = rows.reduce((length, row) => Math.max(length, row.ids.length), 0);
        const context = (options.pad ?? TOKENIZE_DEFAULTS.pad) === 'longest' ? longest : frame.context;
        const tokens = rows.reduce((sum, row) => sum + row.ids.length, 0);
        totals.rows += rows.length;
        totals.rowTokens += tokens;
        totals.padding += rows.length * context - tokens;
        subscriber.next(batchOf(rows, context, { tokenizer, cursor }));
        options.onReport?.({ ...totals });
      };

      const end = (): void => {
        push(maker.rest());
        flush();
        if (subscriber.closed) return;
        options.onReport?.({ ...totals });
        if (totals.rows === 0) {
          throw new SalmonError('no-data', {
            what: 'The text gave no tokens',
            expected: 'at least one document with text',
            got: `${totals.documents} documents, ${totals.emptyDocuments} of them empty`,
            todo: 'Check the source, its filters and the split',
          });
        }
      };

      const guard = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          subscriber.error(error);
        }
      };

      return source.subscribe({
        next: (document) => guard(() => take(document)),
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          guard(end);
          subscriber.complete();
        },
      });
    });
}

function frameOf(tokenizer: Tokenizer, options: TokenizeOptions): RowFrame {
  const wantsEos = options.eos ?? TOKENIZE_DEFAULTS.eos;
  if (wantsEos && tokenizer.eos === undefined) {
    throw new SalmonError('bad-config', { what: 'This tokenizer has no end-of-text token', where: 'eos', todo: 'Leave eos out' });
  }
  const bos = (options.bos ?? TOKENIZE_DEFAULTS.bos) ? tokenizer.bos : undefined;
  const eos = wantsEos ? tokenizer.eos : undefined;
  const least = 1 + (bos === undefined ? 0 : 1) + (eos === undefined ? 0 : 1);
  return { context: checked('context', options.context, least), bos, eos };
}

/** The position from which a source gives this document again. */
function before(document: Document): Cursor {
  const { source, shard, row } = document.cursor;
  return { source, shard, row: Math.max(0, row - 1) };
}

function checked(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new SalmonError('bad-config', { what: 'tokenize cannot work with this', where: name, expected: `a whole number of at least ${least}`, got: String(value) });
}
