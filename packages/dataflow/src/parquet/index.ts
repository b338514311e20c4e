export { boolean, byteBlob, double, floatBlob, int32, int64, intBlob, optional, text } from './column.js';
export type { ColumnValue, FloatElement, ParquetColumn, ParquetRow, ParquetSchema } from './column.js';
export { openParquetWriter, PARQUET_DEFAULTS, writeParquet } from './write.js';
export type { ParquetWriteOptions, ParquetWriter } from './write.js';
export { readParquet } from './read.js';
export type { ParquetFile } from './read.js';
export { readForeignParquet } from './foreign.js';
export type { ForeignParquetOptions } from './foreign.js';
