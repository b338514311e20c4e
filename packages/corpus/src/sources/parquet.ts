import type { Document } from '@salmon-sae/dataflow';
import { readForeignParquet } from '@salmon-sae/dataflow/parquet';
import { baseName, pathsOf, sourceName } from '../source.js';
import type { ParquetSource } from '../source.js';
import type { Position } from './open.js';
import { rowDocument } from './row-document.js';

/** Documents of Parquet files; shard = file, row = rows read. */
export async function* parquet(source: ParquetSource, from: Position): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  for (const [shard, path] of pathsOf(source).entries()) {
    if (shard < from.shard) continue;
    let row = shard === from.shard ? from.row : 0;
    for await (const fields of readForeignParquet(path, { from: row })) {
      row++;
      const place = { where: `${path}, row ${row}`, file: baseName(path), number: row };
      yield { ...rowDocument(fields, source, place), cursor: { source: name, shard, row } };
    }
  }
}
