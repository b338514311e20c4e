import parquet from 'parquetjs-lite';
import type { Reader } from 'parquetjs-lite';
import { SalmonError } from '../errors.js';
import { describeColumn, parseSchema } from './column.js';
import type { ParquetColumn, ParquetRow, ParquetSchema } from './column.js';
import { parquetFailure } from './failure.js';
import { openBytes } from './sealed-bytes.js';
import type { SealedBytes } from './sealed-bytes.js';
import { fromStored } from './value.js';
import { SCHEMA_KEY } from './write.js';

/** An open Parquet file of ours. Close it when done. */
export interface ParquetFile<S extends ParquetSchema> {
  readonly path: string;
  readonly schema: S;
  readonly rows: number;
  /** Rows of each row group. */
  readonly groups: readonly number[];
  readonly metadata: Readonly<Record<string, string>>;
  /** All rows of one row group (all of them are in memory then). */
  readGroup(group: number): Promise<ParquetRow<S>[]>;
  /** Row by row from row `from` (default 0), holding one row group. */
  readRows(from?: number): AsyncGenerator<ParquetRow<S>, void, undefined>;
  close(): Promise<void>;
}

/**
 * Opens a Parquet file that this package wrote. With a schema, the file's own must be equal to it, widths included, or
 * `bad-shape` is thrown. Throws `missing-file`, and `bad-file` for files that are cut off, damaged or not ours.
 */
export async function readParquet<const S extends ParquetSchema>(path: string, schema?: S): Promise<ParquetFile<S>> {
  const bytes = await openBytes(path);
  try {
    const envelope = new parquet.ParquetEnvelopeReader((offset, length) => bytes.read(offset, length), () => bytes.close(), bytes.size);
    const reader = await parquet.ParquetReader.openEnvelopeReader(envelope);
    const metadata = Object.fromEntries((reader.metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value]));
    const found = schemaOf(metadata[SCHEMA_KEY], path);
    if (schema !== undefined) mustEqual(found, schema, path);
    mustMatchFile(found, reader, path);
    await bytes.checkAfter(reader.metadata.row_groups.length);
    const groups = reader.metadata.row_groups.map((group) => Number(group.num_rows));
    return new OpenFile({ path, schema: found as S, groups, metadata }, reader, bytes);
  } catch (error) {
    await bytes.close();
    throw parquetFailure(error, path, 'read');
  }
}

class OpenFile<S extends ParquetSchema> implements ParquetFile<S> {
  readonly path: string;
  readonly schema: S;
  readonly groups: readonly number[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly rows: number;
  private readonly columns: readonly (readonly [string, ParquetColumn])[];
  private open = true;

  constructor(
    facts: Pick<ParquetFile<S>, 'path' | 'schema' | 'groups' | 'metadata'>,
    private readonly reader: Reader,
    private readonly bytes: SealedBytes,
  ) {
    this.path = facts.path;
    this.schema = facts.schema;
    this.groups = facts.groups;
    this.metadata = facts.metadata;
    this.rows = facts.groups.reduce((sum, rows) => sum + rows, 0);
    this.columns = Object.entries<ParquetColumn>(facts.schema);
  }

  async readGroup(group: number): Promise<ParquetRow<S>[]> {
    const expected = this.groups[group];
    if (!this.open || expected === undefined) {
      throw new SalmonError('conflict', {
        what: this.open ? 'There is no such row group' : 'This Parquet file was closed already',
        where: this.path,
        expected: `0 to ${this.groups.length - 1}`,
        got: String(group),
      });
    }
    let stored: Record<string, unknown>[];
    try {
      await this.bytes.load(group);
      const cursor = this.reader.getCursor();
      cursor.rowGroupIndex = group;
      stored = (await cursor.nextRowGroup()) ?? [];
    } catch (error) {
      throw parquetFailure(error, this.path, 'read');
    } finally {
      this.bytes.drop();
    }
    if (stored.length !== expected) {
      throw new SalmonError('bad-file', { what: 'A row group holds another number of rows than it says', where: `${this.path}, row group ${group}`, expected: String(expected), got: String(stored.length) });
    }
    const first = this.groups.slice(0, group).reduce((sum, rows) => sum + rows, 0);
    return stored.map((row, i) => {
      const result: Record<string, unknown> = {};
      for (const [name, column] of this.columns) result[name] = fromStored(column, row[name], { path: this.path, column: name, row: first + i });
      return result as ParquetRow<S>;
    });
  }

  async *readRows(from = 0): AsyncGenerator<ParquetRow<S>, void, undefined> {
    let first = 0;
    for (const [group, rows] of this.groups.entries()) {
      if (first + rows > from) yield* (await this.readGroup(group)).slice(Math.max(0, from - first));
      first += rows;
    }
  }

  async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await this.bytes.close();
  }
}

function schemaOf(json: string | undefined, path: string): ParquetSchema {
  const schema = json === undefined ? undefined : parseSchema(json);
  if (schema !== undefined) return schema;
  throw new SalmonError('bad-file', {
    what: 'This Parquet file was written by something else',
    where: path,
    expected: `a footer with ${SCHEMA_KEY}`,
    got: json === undefined ? 'none' : 'one that cannot be read',
    todo: 'Read it with readForeignParquet',
  });
}

function mustEqual(found: ParquetSchema, wanted: ParquetSchema, path: string): void {
  const write = (schema: ParquetSchema): string =>
    Object.entries(schema)
      .map(([name, column]) => `${name}: ${describeColumn(column)}`)
      .sort()
      .join(', ');
  if (write(found) === write(wanted)) return;
  throw new SalmonError('bad-shape', { what: 'A Parquet file has other columns than expected', where: path, expected: write(wanted), got: write(found) });
}

/** The schema we keep as text must be what the file's own schema says. */
function mustMatchFile(found: ParquetSchema, reader: Reader, path: string): void {
  const names = reader.schema.fieldList.map((field) => field.name).sort();
  const ours = Object.keys(found).sort();
  if (names.length === ours.length && names.every((name, i) => name === ours[i])) return;
  throw new SalmonError('bad-file', { what: 'The columns of a Parquet file contradict its footer', where: path, expected: ours.join(', '), got: names.join(', ') });
}
