import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { SalmonError } from '../errors.js';
import { asFileError } from '../file-error.js';

export interface ForeignParquetOptions {
  /** Columns to read; default: all. */
  readonly columns?: readonly string[];
  /** First row (default 0). */
  readonly from?: number;
  /** Rows read at a time (default: 1024, never across row groups). */
  readonly chunkRows?: number;
}

/**
 * Rows of a Parquet file written by anything: every usual encoding and compression (snappy, gzip, zstd, brotli, lz4). 64-bit integers come as
 * bigint, as the file has them.
 *
 * Holds one chunk of rows. Throws `missing-file`, `bad-file` for what is no Parquet file or is damaged, and `bad-config` for columns
 * that it does not have.
 */
export async function* readForeignParquet(path: string, options: ForeignParquetOptions = {}): AsyncGenerator<Readonly<Record<string, unknown>>, void, undefined> {
  const { columns, from = 0, chunkRows = 1024 } = options;
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    mustHave(columns, topLevel(metadata.schema), path);
    let groupStart = 0;
    for (const group of metadata.row_groups) {
      const groupEnd = groupStart + Number(group.num_rows);
      for (let start = Math.max(groupStart, from); start < groupEnd; start += chunkRows) {
        yield* await parquetReadObjects({
          file,
          metadata,
          rowStart: start,
          rowEnd: Math.min(groupEnd, start + chunkRows),
          compressors,
          ...(columns === undefined ? {} : { columns: [...columns] }),
        });
      }
      groupStart = groupEnd;
    }
  } catch (error) {
    const known = asFileError(error, path, 'read');
    if (known.name === 'SalmonError') throw known;
    throw new SalmonError(
      'bad-file',
      { what: 'This is not a Parquet file that can be read', where: path, got: known.message, todo: 'Download or make it again' },
      { cause: error },
    );
  }
}

interface SchemaElement {
  readonly name: string;
  readonly num_children?: number;
}

/** Names directly under the root of a flattened schema tree. */
function topLevel(schema: readonly SchemaElement[]): readonly string[] {
  const names: string[] = [];
  let at = 1;
  const skip = (): void => {
    const children = schema[at]?.num_children ?? 0;
    at++;
    for (let i = 0; i < children; i++) skip();
  };
  while (at < schema.length) {
    names.push(schema[at]!.name);
    skip();
  }
  return names;
}

function mustHave(columns: readonly string[] | undefined, present: readonly string[], path: string): void {
  const missing = (columns ?? []).filter((column) => !present.includes(column));
  if (missing.length === 0) return;
  throw new SalmonError('bad-config', { what: `A Parquet file has no column ${missing.join(', ')}`, where: path, expected: `one of ${present.join(', ')}`, got: missing.join(', ') });
}
