import { randomUUID } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import parquet from 'parquetjs-lite';
import type { FieldDefinition, Writer } from 'parquetjs-lite';
import { SalmonError } from '../errors.js';
import { blobBytes } from './column.js';
import type { ParquetColumn, ParquetRow, ParquetSchema } from './column.js';
import { parquetFailure } from './failure.js';
import { FileSink } from './file-sink.js';
import { toStored } from './value.js';

/** Key under which the schema is kept in the file, as JSON. */
export const SCHEMA_KEY = 'salmon.schema';

export interface ParquetWriteOptions {
  /** Text facts kept in the footer: configuration, hashes, site. Keys starting with `salmon.` are ours. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Rows of a row group, all of which are in memory while it is written (default 4096). */
  readonly rowGroupRows?: number;
}

export interface ParquetWriter<S extends ParquetSchema> {
  /** Rows appended so far. */
  readonly rows: number;
  /** Appends one row; the row's arrays may be reused afterwards. Calls need not be awaited: rows keep their order. */
  append(row: ParquetRow<S>): Promise<void>;
  /** Adds a fact that only the end knows. */
  setMetadata(key: string, value: string): void;
  /** Writes the footer, fsyncs and renames into place: only now does the file exist. */
  close(): Promise<void>;
  /** Removes what was written; safe to call at any time, also after a failure. */
  abort(): Promise<void>;
}

export const PARQUET_DEFAULTS = { rowGroupRows: 4096 } as const;

/**
 * Opens a Parquet file for writing, row by row. It grows under a temporary name beside `path` and appears whole on `close`.
 *
 * Holds two row groups of rows. Uncompressed, without statistics. Throws `bad-shape` for a row that does not fit the schema
 * and `no-space` on a full disk; after any failure the temporary file is gone and the writer refuses more rows.
 */
export async function openParquetWriter<const S extends ParquetSchema>(path: string, schema: S, options: ParquetWriteOptions = {}): Promise<ParquetWriter<S>> {
  const target = resolve(path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.tmp`);
  const columns = Object.entries<ParquetColumn>(schema);
  const rowGroupRows = options.rowGroupRows ?? PARQUET_DEFAULTS.rowGroupRows;
  const sink = new FileSink();
  let writer: Writer;
  try {
    const fields = Object.fromEntries(columns.map(([name, column]) => [name, fieldOf(column)]));
    await mkdir(dirname(target), { recursive: true });
    sink.file = await open(temporary, 'wx');
    writer = await parquet.ParquetWriter.openStream(new parquet.ParquetSchema(fields), sink, { rowGroupSize: rowGroupRows, pageSize: rowGroupRows });
    writer.setMetadata(SCHEMA_KEY, JSON.stringify(schema));
    for (const [key, value] of Object.entries(options.metadata ?? {})) writer.setMetadata(key, value);
  } catch (error) {
    await sink.discard(temporary);
    throw parquetFailure(error, path, 'write');
  }

  let rows = 0;
  let state: 'open' | 'closed' | 'aborted' = 'open';
  let failure: Error | undefined;
  // parquetjs-lite's appendRow must not overlap with itself: un-awaited calls write rows several times.
  let queue: Promise<void> = Promise.resolve();
  const enqueue = (work: () => Promise<void>): Promise<void> => {
    const result = queue.then(async () => {
      if (failure !== undefined) throw failure;
      try {
        await work();
        sink.check();
      } catch (error) {
        failure = parquetFailure(error, path, 'write');
        await sink.discard(temporary);
        throw failure;
      }
    });
    queue = result.catch(() => undefined);
    return result;
  };
  const mustBeOpen = (): void => {
    if (state === 'open') return;
    throw new SalmonError('conflict', { what: `This Parquet file was ${state} already`, where: path });
  };

  return {
    get rows() {
      return rows;
    },
    append: async (row) => {
      mustBeOpen();
      const stored: Record<string, unknown> = {};
      for (const [name, column] of columns) stored[name] = toStored(column, row[name], { path, column: name, row: rows });
      rows++;
      await enqueue(() => writer.appendRow(stored));
    },
    setMetadata: (key, value) => {
      mustBeOpen();
      writer.setMetadata(key, value);
    },
    close: async () => {
      mustBeOpen();
      state = 'closed';
      await enqueue(async () => {
        await writer.close();
        sink.check();
        await sink.finish();
        await rename(temporary, target);
      });
    },
    abort: async () => {
      if (state !== 'open') return;
      state = 'aborted';
      await queue;
      await sink.discard(temporary);
    },
  };
}

/** Writes all rows of an iterable to one Parquet file; see `openParquetWriter`. Returns the number of rows. */
export async function writeParquet<const S extends ParquetSchema>(
  path: string,
  schema: S,
  rows: Iterable<ParquetRow<S>> | AsyncIterable<ParquetRow<S>>,
  options: ParquetWriteOptions = {},
): Promise<number> {
  const writer = await openParquetWriter<S>(path, schema, options);
  try {
    for await (const row of rows) await writer.append(row);
    await writer.close();
    return writer.rows;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function fieldOf(column: ParquetColumn): FieldDefinition {
  const bytes = blobBytes(column);
  // Statistics would keep a set of every value of a page and compare blobs by their text.
  if (bytes !== undefined) return { type: 'FIXED_LEN_BYTE_ARRAY', typeLength: bytes, statistics: false };
  const types: Record<string, string> = { text: 'UTF8', int32: 'INT32', int64: 'INT64', double: 'DOUBLE', boolean: 'BOOLEAN' };
  return { type: types[column.kind]!, optional: 'optional' in column && column.optional === true, statistics: false };
}
