/** What we use of parquetjs-lite 0.8.7, which carries no types of its own. Its failures are thrown strings. */
declare module 'parquetjs-lite' {
  export interface FieldDefinition {
    readonly type: string;
    readonly optional?: boolean;
    readonly typeLength?: number;
    readonly statistics?: false;
  }

  export interface Schema {
    readonly fieldList: readonly { readonly name: string; readonly primitiveType: string; readonly typeLength?: number | null }[];
  }

  export interface ByteSink {
    write(bytes: Uint8Array, done: (error?: Error) => void): void;
    end(done: (error?: Error) => void): void;
  }

  export interface Writer {
    appendRow(row: Record<string, unknown>): Promise<void>;
    setMetadata(key: string, value: string): void;
    close(): Promise<void>;
  }

  export interface GroupCursor {
    rowGroupIndex: number;
    nextRowGroup(): Promise<Record<string, unknown>[] | null>;
  }

  export interface Reader {
    readonly schema: Schema;
    readonly metadata: {
      readonly row_groups: readonly { readonly num_rows: { valueOf(): number } }[];
      readonly key_value_metadata: readonly { readonly key: string; readonly value: string }[] | null;
    };
    getCursor(columns?: readonly string[]): GroupCursor;
    close(): Promise<void>;
  }

  export interface EnvelopeReader {
    readonly fileSize: number;
  }

  interface Parquet {
    readonly ParquetSchema: new (fields: Record<string, FieldDefinition>) => Schema;
    readonly ParquetWriter: {
      openStream(schema: Schema, sink: ByteSink, options: { rowGroupSize: number; pageSize: number }): Promise<Writer>;
    };
    readonly ParquetEnvelopeReader: new (read: (offset: number, length: number) => Promise<Buffer>, close: () => Promise<void>, size: number) => EnvelopeReader;
    readonly ParquetReader: { openEnvelopeReader(envelope: EnvelopeReader): Promise<Reader> };
  }

  const parquet: Parquet;
  export default parquet;
}
