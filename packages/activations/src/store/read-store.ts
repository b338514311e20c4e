import { join } from 'node:path';
import { fromPull, random, SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch, Cursor, LanguageModelInfo, Pace } from '@salmon-sae/dataflow';
import { readParquet } from '@salmon-sae/dataflow/parquet';
import type { Observable } from 'rxjs';
import { readManifest, verifyFile } from './manifest.js';
import { MANIFEST, shardSchema } from './spec.js';
import type { ShardRow, StoreFile, StoreManifest, StoreSite } from './spec.js';

export interface ReadStoreOptions {
  /** Which hook; may be left out where the store has one only. */
  readonly hook?: string;
  /** Shards in an order permuted by this seed; default: as written. */
  readonly seed?: number;
  /** Goes on after the batch that bore this cursor. Give the same hook and seed. */
  readonly from?: Cursor;
  /** Refuses a store that another model made. */
  readonly model?: Pick<LanguageModelInfo, 'id' | 'hash'>;
  /** Accepts a store whose harvest has not come to its end. Default false. */
  readonly partial?: boolean;
  readonly pace?: Pace;
}

/** The manifest of a store. Throws `missing-file`, `bad-file`, or `conflict` for another version or model. */
export async function openStore(folder: string, options: Pick<ReadStoreOptions, 'model' | 'partial'> = {}): Promise<StoreManifest> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) {
    throw new SalmonError('missing-file', {
      what: 'There is no activation store here',
      where: folder,
      expected: `a folder with ${MANIFEST}`,
      todo: 'Point to the folder that the harvest named, inside its root',
    });
  }
  const { model } = options;
  if (model !== undefined && model.hash !== manifest.key.model) {
    throw new SalmonError('conflict', {
      what: 'Another model made this activation store',
      where: folder,
      expected: `${model.id} (hash ${model.hash.slice(0, 12)})`,
      got: `${manifest.modelId} (hash ${manifest.key.model.slice(0, 12)})`,
      todo: 'Harvest with this model, or load the one that made the store',
    });
  }
  if (!manifest.complete && options.partial !== true) {
    throw new SalmonError('no-data', {
      what: 'The harvest of this activation store has not come to its end',
      where: folder,
      got: `${manifest.shards.length} finished shards`,
      todo: 'Run the harvest again to finish it, or read it as partial',
    });
  }
  return manifest;
}

/**
 * The rows of an activation store, one batch per Parquet row group, shards in order or permuted by a seed. Each shard's
 * hash is checked before its rows are used. Holds one row group. A batch's cursor counts shards in reading order and rows
 * within the shard. Throws what `openStore` throws, and `bad-file` for a damaged shard.
 *
 * @example
 * readStore(folder, { hook: 'resid_post.4', seed: 1 }).pipe(shuffle(250_000, 1))
 */
export function readStore(folder: string, options: ReadStoreOptions = {}): Observable<ActivationBatch> {
  return fromPull((signal) => rowsOf(folder, options, signal), options.pace);
}

async function* rowsOf(folder: string, options: ReadStoreOptions, signal: AbortSignal): AsyncGenerator<ActivationBatch> {
  const manifest = await openStore(folder, options);
  const site = siteOf(manifest, options.hook, folder);
  const files = shardOrder(manifest, site.hook, options.seed);
  const source = cursorSource(manifest, site.hook, options.seed);
  const { from } = options;
  if (from !== undefined && from.source !== source) {
    throw new SalmonError('conflict', {
      what: 'This position belongs to another reading of the store',
      where: folder,
      expected: source,
      got: from.source,
      todo: 'Give the same store, hook and seed as before the interruption',
    });
  }
  for (let shard = from?.shard ?? 0; shard < files.length && !signal.aborted; shard++) {
    const file = files[shard] as StoreFile;
    const start = shard === from?.shard ? from.row : 0;
    if (start >= file.rows) continue;
    await verifyFile(folder, file);
    const parquet = await readParquet(join(folder, file.file), shardSchema(site.width, manifest.key.element));
    try {
      let first = 0;
      for (const [group, size] of parquet.groups.entries()) {
        const skip = Math.max(0, start - first);
        first += size;
        if (skip >= size) continue;
        const rows = (await parquet.readGroup(group)).slice(skip);
        if (signal.aborted) return;
        yield batchOf(rows, { model: manifest.modelId, ...site }, { source, shard, row: first });
      }
    } finally {
      await parquet.close();
    }
  }
}

/** Files of one hook in reading order. */
export function shardOrder(manifest: StoreManifest, hook: string, seed: number | undefined): readonly StoreFile[] {
  const files = manifest.shards.flatMap((shard) => shard.files.filter((file) => file.hook === hook));
  return seed === undefined ? files : random(seed, 'shard-order', hook).shuffle(files);
}

function cursorSource(manifest: StoreManifest, hook: string, seed: number | undefined): string {
  return `store:${manifest.hash.slice(0, 16)}:${hook}:${seed === undefined ? 'in-order' : `seed-${seed}`}`;
}

function siteOf(manifest: StoreManifest, hook: string | undefined, folder: string): StoreSite {
  const { sites } = manifest;
  const site = hook === undefined && sites.length === 1 ? sites[0] : sites.find((s) => s.hook === hook);
  if (site !== undefined) return site;
  throw new SalmonError('unknown-hook', {
    what: hook === undefined ? 'The activation store holds several hooks and none was named' : `The activation store has no hook "${hook}"`,
    where: folder,
    expected: sites.map((s) => s.hook).join(', '),
    got: hook ?? 'none',
  });
}

function batchOf(rows: readonly ShardRow[], site: ActivationBatch['site'], cursor: Cursor): ActivationBatch {
  const { width } = site;
  const values = new Float32Array(rows.length * width);
  const tokenId = new Int32Array(rows.length);
  const position = new Int32Array(rows.length);
  const doc = new Int32Array(rows.length);
  const docs: string[] = [];
  const domains: string[] = [];
  const known = new Map<string, number>();
  rows.forEach((row, i) => {
    values.set(row.activation, i * width);
    tokenId[i] = row.token_id;
    position[i] = row.position;
    if (row.document === '') {
      doc[i] = -1;
      return;
    }
    const name = `${row.domain}\u0000${row.document}`;
    let index = known.get(name);
    if (index === undefined) {
      index = docs.push(row.document) - 1;
      domains.push(row.domain);
      known.set(name, index);
    }
    doc[i] = index;
  });
  return { site, rows: rows.length, values, origin: { tokenId, position, doc, docs, domains }, cursor };
}
