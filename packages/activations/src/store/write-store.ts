import { join } from 'node:path';
import { isSalmonError, mapAsync, Pace, SalmonError } from '@salmon-sae/dataflow';
import type { Json, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import type { FloatElement } from '@salmon-sae/dataflow/parquet';
import { concat, defer, Observable, takeWhile } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import type { FilterCount } from '../harvest/filter.js';
import { filtersOf, harvester, hooksOf } from '../harvest/harvest.js';
import type { HarvestOptions } from '../harvest/harvest.js';
import { readManifest, soundShards, writeManifest } from './manifest.js';
import { openShard } from './shard-writer.js';
import type { ShardWriter } from './shard-writer.js';
import { STORE_FORMAT, STORE_VERSION, storeHash } from './spec.js';
import type { ShardFilterCount, StoreKey, StoreManifest } from './spec.js';

export interface WriteStoreOptions extends Omit<HarvestOptions, 'onFiltered'> {
  /** Folder that holds stores; the store's own folder in it is named by a hash. */
  readonly root: string;
  /** What determines the token stream (source, split, hashes, packing): part of the store's name. */
  readonly data: Json;
  /** Longest row of tokens that may come. */
  readonly context: number;
  /** How the values are stored; default f32. */
  readonly element?: FloatElement;
  /** A shard is closed at the first token batch that brings it to this many real tokens. Default 65,536. */
  readonly tokensPerShard?: number;
  /** The pace of the token source, so that it waits while shards are written. */
  readonly pace?: Pace;
}

export interface StoreProgress {
  /** The store's folder. */
  readonly folder: string;
  readonly shards: number;
  /** Real tokens in finished shards. */
  readonly tokens: number;
  /** Token batches seen so far, skipped ones included. */
  readonly batches: number;
  /** Token batches that finished shards of an earlier run already held. */
  readonly skipped: number;
  /** Ordinary tokens (neither padding nor special) of the token batches seen so far. */
  readonly seen: number;
  readonly complete: boolean;
}

const DEFAULT_TOKENS_PER_SHARD = 65_536;

/**
 * Runs a language model over token batches and writes its activations to a store (see docs/activation-store.md); emits
 * progress after every token batch. Resumes: token batches of finished shards are skipped without running the model, so
 * give the same stream from its beginning. Holds one Parquet row group per hook.
 *
 * Errors: `no-data` for an empty stream, `no-space` (finished shards stay valid), `conflict` when the folder holds something else.
 *
 * @example
 * tokens$.pipe(writeStore(model, { root: 'stores', data: { hash }, hooks: ['resid_post.4'], pace }))
 */
export function writeStore(model: LanguageModel, options: WriteStoreOptions): OperatorFunction<TokenBatch, StoreProgress> {
  return (source) =>
    new Observable((subscriber) => {
      const session = new StoreSession(model, options);
      const written = source.pipe(
        mapAsync(options.pace ?? new Pace(2), (batch) => session.take(batch)),
        takeWhile((progress) => !progress.complete, true),
      );
      subscriber.add(() => {
        // Nobody is left to tell: what could not be removed has a temporary name and harms nothing.
        void session.abort().catch(() => undefined);
      });
      subscriber.add(concat(written, defer(() => session.finish())).subscribe(subscriber));
    });
}

class StoreSession {
  private readonly harvest: ReturnType<typeof harvester>;
  private counts: ReadonlyMap<string, readonly FilterCount[]> = new Map();
  private manifest: StoreManifest | undefined;
  private shard: ShardWriter | undefined;
  private folder = '';
  private seen = 0;
  private ordinary = 0;
  private skipped = 0;
  /** Filter counts when the shard under way was begun. */
  private mark: readonly ShardFilterCount[] = [];
  private aborted = false;

  constructor(
    private readonly model: LanguageModel,
    private readonly options: WriteStoreOptions,
  ) {
    this.harvest = harvester(model, {
      ...options,
      onFiltered: ({ hook, filters }) => (this.counts = new Map([...this.counts, [hook, filters]])),
    });
  }

  async take(batch: TokenBatch): Promise<StoreProgress> {
    const manifest = (this.manifest ??= await this.open());
    if (batch.context > manifest.key.context) {
      throw new SalmonError('bad-shape', {
        what: 'Token rows are longer than the store says',
        where: this.folder,
        expected: `at most ${manifest.key.context} positions`,
        got: `${batch.context}`,
      });
    }
    const number = this.seen++;
    batch.mask.forEach((real, i) => {
      if (real === 1 && batch.special[i] === 0) this.ordinary++;
    });
    if (manifest.complete) return this.progress();
    if (number < (manifest.shards.at(-1)?.batches.to ?? 0)) {
      this.skipped++;
      return this.progress();
    }
    this.shard ??= await openShard(this.folder, {
      index: manifest.shards.length,
      firstBatch: number,
      sites: manifest.sites,
      element: manifest.key.element,
      storeHash: manifest.hash,
    });
    const { shard } = this;
    if (this.aborted) await shard.abort();
    await shard.append(this.harvest(batch), batch.mask.reduce((sum, real) => sum + real, 0));
    if (shard.tokens >= manifest.key.tokensPerShard) await this.closeShard(false);
    return this.progress();
  }

  async finish(): Promise<StoreProgress> {
    if (this.manifest === undefined) {
      throw new SalmonError('no-data', { what: 'There were no tokens to harvest', todo: 'Check the data source' });
    }
    if (!this.manifest.complete) await this.closeShard(true);
    return this.progress();
  }

  async abort(): Promise<void> {
    this.aborted = true;
    await this.shard?.abort();
  }

  private async open(): Promise<StoreManifest> {
    const { model, options } = this;
    const hooks = hooksOf(options);
    const key: StoreKey = {
      model: model.info.hash,
      precision: model.info.precision ?? 'f32',
      tokenizer: tokenizerHash(model),
      data: options.data,
      hooks,
      context: options.context,
      filters: filtersOf(options).map(({ name, facts }) => ({ name, facts })),
      element: options.element ?? 'f32',
      tokensPerShard: options.tokensPerShard ?? DEFAULT_TOKENS_PER_SHARD,
    };
    const hash = storeHash(key);
    this.folder = join(options.root, hash.slice(0, 16));
    const found = await readManifest(this.folder);
    if (found === undefined) {
      const sites = hooks.map((hook) => ({ hook, width: model.hookWidth(hook) }));
      const manifest: StoreManifest = {
        format: STORE_FORMAT,
        version: STORE_VERSION,
        hash,
        key,
        modelId: model.info.id,
        sites,
        shards: [],
        complete: false,
      };
      await writeManifest(this.folder, manifest);
      return manifest;
    }
    if (found.hash !== hash) {
      throw new SalmonError('conflict', {
        what: 'The folder of this activation store holds another store',
        where: this.folder,
        expected: `hash ${hash}`,
        got: `hash ${found.hash}`,
        todo: 'Choose another root folder',
      });
    }
    const shards = await soundShards(this.folder, found.shards);
    const whole = shards.length === found.shards.length;
    return { ...found, shards, complete: found.complete && whole };
  }

  private async closeShard(complete: boolean): Promise<void> {
    const manifest = this.manifest as StoreManifest;
    const counts = this.filterCounts();
    const filtered = counts.map((now, i) => ({
      ...now,
      seen: now.seen - (this.mark[i]?.seen ?? 0),
      dropped: now.dropped - (this.mark[i]?.dropped ?? 0),
    }));
    const shards = this.shard === undefined ? manifest.shards : [...manifest.shards, await this.shard.finish(filtered)];
    this.shard = undefined;
    this.mark = counts;
    this.manifest = { ...manifest, shards, complete };
    await writeManifest(this.folder, this.manifest);
  }

  private filterCounts(): readonly ShardFilterCount[] {
    return [...this.counts].flatMap(([hook, filters]) => filters.map((count) => ({ hook, ...count })));
  }

  private progress(): StoreProgress {
    const { shards = [], complete = false } = this.manifest ?? {};
    return {
      folder: this.folder,
      shards: shards.length,
      tokens: shards.reduce((sum, shard) => sum + shard.tokens, 0),
      batches: this.seen,
      skipped: this.skipped,
      seen: this.ordinary,
      complete,
    };
  }
}

function tokenizerHash(model: LanguageModel): string | null {
  try {
    return model.tokenizer.hash;
  } catch (error) {
    // A model without tokenizer files says so when asked; its store is named without one.
    if (isSalmonError(error) && error.code === 'missing-file') return null;
    throw error;
  }
}
