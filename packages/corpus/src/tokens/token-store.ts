import type { Observable } from 'rxjs';
import { fromPull, mapAsync, Pace, run, SalmonError } from '@salmon-sae/dataflow';
import type { Document, TokenBatch, Tokenizer } from '@salmon-sae/dataflow';
import { byteBlob, int32, int64, intBlob, openParquetWriter, readParquet, text } from '@salmon-sae/dataflow/parquet';
import type { ParquetRow } from '@salmon-sae/dataflow/parquet';

export interface WriteTokensOptions {
  /** Longest row; shorter ones are padded in the file. */
  readonly context: number;
  readonly tokenizer: Pick<Tokenizer, 'hash' | 'pad'>;
  /** The pace of the source of these batches, so that it waits for the disk. */
  readonly pace?: Pace;
  readonly signal?: AbortSignal;
}

export interface ReadTokensOptions {
  /** When given, its hash must be that of the tokenizer that made the file. */
  readonly tokenizer?: Pick<Tokenizer, 'hash'>;
  /** Batches to leave out at the start. */
  readonly skip?: number;
  readonly pace?: Pace;
}

const schemaOf = (context: number) =>
  ({
    /** Number of the batch that the row was in, and that batch's own padded length. */
    batch: int64,
    batch_context: int32,
    length: int32,
    ids: intBlob(context),
    special: byteBlob(context),
    doc: intBlob(context),
    /** JSON: [id, domain] of each document named by `doc`. */
    docs: text,
    source: text,
    shard: int32,
    row: int64,
  }) as const;

type StoredRow = ParquetRow<ReturnType<typeof schemaOf>>;

/**
 * Writes token batches to one Parquet file, a row of the file per token row; resolves with the number of rows.
 *
 * Holds one row group. Throws `bad-shape` for a batch with longer rows than `context`, `no-space` on a full disk; nothing is left behind
 * when it fails or is cancelled.
 */
export async function writeTokens(path: string, batches: Observable<TokenBatch>, options: WriteTokensOptions): Promise<number> {
  const { context, tokenizer } = options;
  const writer = await openParquetWriter(path, schemaOf(context), {
    rowGroupRows: 1024,
    metadata: { context: String(context), tokenizer: tokenizer.hash, pad: String(tokenizer.pad) },
  });
  let number = 0;
  const store = async (batch: TokenBatch): Promise<void> => {
    const index = number++;
    for (let r = 0; r < batch.rows; r++) await writer.append(stored(batch, r, { index, context, path }));
  };
  try {
    await run(batches.pipe(mapAsync(options.pace ?? new Pace(1), store)), options.signal === undefined ? {} : { signal: options.signal });
    await writer.close();
    return writer.rows;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** The batches that `writeTokens` stored, as they were. Holds one row group. Throws `conflict` for another tokenizer's file. */
export function readTokens(path: string, options: ReadTokensOptions = {}): Observable<TokenBatch> {
  return fromPull(() => read(path, options), options.pace);
}

async function* read(path: string, options: ReadTokensOptions): AsyncGenerator<TokenBatch, void, undefined> {
  const file = await readParquet<ReturnType<typeof schemaOf>>(path);
  try {
    const { tokenizer, pad } = file.metadata;
    if (!('batch_context' in file.schema) || tokenizer === undefined || pad === undefined) {
      throw new SalmonError('bad-file', { what: 'This Parquet file holds no tokens', where: path, expected: 'a file made by writeTokens', got: `columns ${Object.keys(file.schema).join(', ')}` });
    }
    if (options.tokenizer !== undefined && options.tokenizer.hash !== tokenizer) {
      throw new SalmonError('conflict', { what: 'These tokens were made by another tokenizer', where: path, expected: options.tokenizer.hash, got: tokenizer, todo: 'Tokenise the text again' });
    }
    let rows: StoredRow[] = [];
    for await (const row of file.readRows()) {
      if (rows.length > 0 && rows[0]!.batch !== row.batch) {
        if (rows[0]!.batch >= (options.skip ?? 0)) yield batchOf(rows, Number(pad));
        rows = [];
      }
      rows.push(row);
    }
    if (rows.length > 0 && rows[0]!.batch >= (options.skip ?? 0)) yield batchOf(rows, Number(pad));
  } finally {
    await file.close();
  }
}

function stored(batch: TokenBatch, r: number, frame: { readonly index: number; readonly context: number; readonly path: string }): StoredRow {
  if (batch.context > frame.context) {
    throw new SalmonError('bad-shape', { what: 'Token rows are longer than the file says', where: frame.path, expected: `at most ${frame.context}`, got: String(batch.context) });
  }
  const start = r * batch.context;
  const mask = batch.mask.subarray(start, start + batch.context);
  const length = mask.lastIndexOf(1) + 1;
  const ids = new Int32Array(frame.context);
  ids.set(batch.ids.subarray(start, start + length));
  const special = new Uint8Array(frame.context).fill(1);
  special.set(batch.special.subarray(start, start + length));
  const doc = new Int32Array(frame.context).fill(-1);
  const docs: (readonly [string, string])[] = [];
  const local = new Map<number, number>();
  for (let i = 0; i < length; i++) {
    const global = batch.doc[start + i]!;
    if (global < 0) continue;
    let index = local.get(global);
    if (index === undefined) {
      index = docs.length;
      local.set(global, index);
      docs.push([batch.docs[global]!, batch.domains[global]!]);
    }
    doc[i] = index;
  }
  const { source, shard, row } = batch.cursor;
  return { batch: frame.index, batch_context: batch.context, length, ids, special, doc, docs: JSON.stringify(docs), source, shard, row };
}

function batchOf(rows: readonly StoredRow[], pad: number): TokenBatch {
  const { batch_context: context, source, shard, row: at } = rows[0]!;
  const size = rows.length * context;
  const ids = new Int32Array(size).fill(pad);
  const mask = new Uint8Array(size);
  const special = new Uint8Array(size).fill(1);
  const doc = new Int32Array(size).fill(-1);
  const docs: Pick<Document, 'id' | 'domain'>[] = [];
  const known = new Map<string, number>();
  for (const [r, row] of rows.entries()) {
    const start = r * context;
    ids.set(row.ids.subarray(0, row.length), start);
    mask.fill(1, start, start + row.length);
    special.set(row.special.subarray(0, row.length), start);
    const names = (JSON.parse(row.docs) as [string, string][]).map(([id, domain]) => {
      const key = `${domain}\u0000${id}`;
      const index = known.get(key) ?? docs.length;
      if (index === docs.length) {
        known.set(key, index);
        docs.push({ id, domain });
      }
      return index;
    });
    for (let i = 0; i < row.length; i++) doc[start + i] = row.doc[i]! < 0 ? -1 : names[row.doc[i]!]!;
  }
  return {
    rows: rows.length,
    context,
    ids,
    mask,
    special,
    doc,
    docs: docs.map((entry) => entry.id),
    domains: docs.map((entry) => entry.domain),
    cursor: { source, shard, row: at },
  };
}
