import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asFileError, hashFile } from '@salmon-sae/dataflow';
import type { ActivationBatch, Cursor } from '@salmon-sae/dataflow';
import { openParquetWriter } from '@salmon-sae/dataflow/parquet';
import type { FloatElement, ParquetWriter } from '@salmon-sae/dataflow/parquet';
import { shardFile, shardSchema } from './spec.js';
import type { StoreFile, StoreShard, StoreSite } from './spec.js';

/** One shard under way: a file per hook, all under temporary names until `finish`. */
export interface ShardWriter {
  readonly tokens: number;
  append(batches: readonly ActivationBatch[], tokens: number): Promise<void>;
  /** Renames the files into place and describes them. */
  finish(filtered: StoreShard['filtered']): Promise<StoreShard>;
  abort(): Promise<void>;
}

export interface ShardOptions {
  readonly index: number;
  /** Number of the first token batch. */
  readonly firstBatch: number;
  readonly sites: readonly StoreSite[];
  readonly element: FloatElement;
  readonly storeHash: string;
}

export async function openShard(folder: string, options: ShardOptions): Promise<ShardWriter> {
  const { index, sites, element } = options;
  const writers = new Map<string, ParquetWriter<ReturnType<typeof shardSchema>>>();
  const abort = async (): Promise<void> => {
    for (const writer of writers.values()) await writer.abort();
  };
  try {
    for (const { hook, width } of sites) {
      const metadata = { 'activation-store': options.storeHash, hook, width: String(width), element, shard: String(index) };
      const path = join(folder, shardFile(hook, index));
      writers.set(hook, await openParquetWriter(path, shardSchema(width, element), { metadata }));
    }
  } catch (error) {
    await abort();
    throw error;
  }
  let tokens = 0;
  let count = 0;
  let cursor: Cursor = { source: '', shard: 0, row: 0 };
  return {
    get tokens() {
      return tokens;
    },
    append: async (batches, more) => {
      for (const batch of batches) {
        const writer = writers.get(batch.site.hook);
        if (writer !== undefined) await appendRows(writer, batch);
        cursor = batch.cursor;
      }
      tokens += more;
      count++;
    },
    finish: async (filtered) => {
      const files: StoreFile[] = [];
      for (const { hook } of sites) {
        const writer = writers.get(hook);
        if (writer === undefined) continue;
        await writer.close();
        const file = shardFile(hook, index);
        const path = join(folder, file);
        const { size } = await stat(path).catch((error: unknown) => {
          throw asFileError(error, path, 'read');
        });
        files.push({ hook, file, rows: writer.rows, bytes: size, sha256: await hashFile(path) });
      }
      return { batches: { from: options.firstBatch, to: options.firstBatch + count }, tokens, files, filtered, cursor };
    },
    abort,
  };
}

async function appendRows(writer: ParquetWriter<ReturnType<typeof shardSchema>>, batch: ActivationBatch): Promise<void> {
  const { origin, values, site } = batch;
  for (let row = 0; row < batch.rows; row++) {
    const doc = origin.doc[row] as number;
    await writer.append({
      token_id: origin.tokenId[row] as number,
      position: origin.position[row] as number,
      document: origin.docs[doc] ?? '',
      domain: origin.domains[doc] ?? '',
      activation: values.subarray(row * site.width, (row + 1) * site.width),
    });
  }
}
