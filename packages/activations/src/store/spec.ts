import { contentHash, SalmonError } from '@salmon-sae/dataflow';
import type { Cursor, Json } from '@salmon-sae/dataflow';
import { floatBlob, int32, text } from '@salmon-sae/dataflow/parquet';
import type { FloatElement, ParquetRow } from '@salmon-sae/dataflow/parquet';
import { z } from 'zod';
import type { FilterCount } from '../harvest/filter.js';

/** The activation store on disk; the words for it stand in docs/activation-store.md. */
export const STORE_FORMAT = 'salmon-activation-store';
/** Raised whenever a reader of the version before would go wrong. */
export const STORE_VERSION = 1;
export const MANIFEST = 'store.json';

/** What determines a store's content; its hash names the folder. */
export interface StoreKey {
  /** `LanguageModelInfo.hash`: config, weights and tokenizer files. */
  readonly model: string;
  readonly precision: string;
  /** `Tokenizer.hash`; null for a model without one. */
  readonly tokenizer: string | null;
  /** What the caller says about the text: source, split, hashes. */
  readonly data: Json;
  readonly hooks: readonly string[];
  /** Longest row of tokens. */
  readonly context: number;
  /** Every filter in order, the special-token rule included. */
  readonly filters: readonly { readonly name: string; readonly facts: Json }[];
  readonly element: FloatElement;
  readonly tokensPerShard: number;
}

export interface StoreSite {
  readonly hook: string;
  readonly width: number;
}

/** One finished shard: the same token batches at every hook. */
export interface StoreShard {
  /** Token batches [from, to) of the stream, counted from 0. */
  readonly batches: { readonly from: number; readonly to: number };
  /** Real tokens in those batches, before filters. */
  readonly tokens: number;
  readonly files: readonly StoreFile[];
  /** What each filter saw and dropped in this shard. */
  readonly filtered: readonly ShardFilterCount[];
  /** Position of the token stream after the shard. */
  readonly cursor: Cursor;
}

export interface ShardFilterCount extends FilterCount {
  readonly hook: string;
}

export interface StoreFile {
  readonly hook: string;
  /** Path inside the store folder, `/` between parts. */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface StoreManifest {
  readonly format: typeof STORE_FORMAT;
  readonly version: typeof STORE_VERSION;
  readonly hash: string;
  readonly key: StoreKey;
  readonly modelId: string;
  readonly sites: readonly StoreSite[];
  readonly shards: readonly StoreShard[];
  /** The token stream came to its end. */
  readonly complete: boolean;
}

export function storeHash(key: StoreKey): string {
  return contentHash({ format: STORE_FORMAT, version: STORE_VERSION, key });
}

export function shardSchema(width: number, element: FloatElement) {
  return { token_id: int32, position: int32, document: text, domain: text, activation: floatBlob(width, element) };
}

export type ShardRow = ParquetRow<ReturnType<typeof shardSchema>>;

export function shardFile(hook: string, index: number): string {
  return `${hook}/shard-${String(index).padStart(6, '0')}.parquet`;
}

const count = z.number().int().nonnegative();

const manifestSchema = z.object({
  format: z.literal(STORE_FORMAT),
  version: z.literal(STORE_VERSION),
  hash: z.string(),
  key: z.object({
    model: z.string(),
    precision: z.string(),
    tokenizer: z.string().nullable(),
    data: z.json(),
    hooks: z.array(z.string()).min(1),
    context: count,
    filters: z.array(z.object({ name: z.string(), facts: z.json() })),
    element: z.enum(['f32', 'f16', 'bf16']),
    tokensPerShard: count,
  }),
  modelId: z.string(),
  sites: z.array(z.object({ hook: z.string(), width: z.number().int().positive() })).min(1),
  shards: z.array(
    z.object({
      batches: z.object({ from: count, to: count }),
      tokens: count,
      files: z.array(
        z.object({
          hook: z.string(),
          // Inside the store, never elsewhere.
          file: z.string().regex(/^[\w.-]+\/shard-\d+\.parquet$/),
          rows: count,
          bytes: count,
          sha256: z.string().regex(/^[0-9a-f]{64}$/),
        }),
      ),
      filtered: z.array(z.object({ hook: z.string(), name: z.string(), seen: count, dropped: count })),
      cursor: z.object({ source: z.string(), shard: z.number().int(), row: z.number().int() }),
    }),
  ),
  complete: z.boolean(),
});

/** Reads a manifest's JSON. Throws `conflict` for another version, `bad-file` for anything else that is not a manifest. */
export function parseManifest(json: unknown, where: string): StoreManifest {
  const head = z.object({ format: z.string(), version: z.number() }).safeParse(json);
  if (head.success && head.data.format === STORE_FORMAT && head.data.version !== STORE_VERSION) {
    throw new SalmonError('conflict', {
      what: 'This activation store follows another version of the specification',
      where,
      expected: `version ${STORE_VERSION}`,
      got: `version ${head.data.version}`,
      todo: 'Harvest it again, or read it with the release that wrote it',
    });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    throw new SalmonError('bad-file', {
      what: 'This is not the manifest of an activation store',
      where,
      got: z.prettifyError(parsed.error).replaceAll('\n', ' '),
    });
  }
  const manifest = parsed.data as StoreManifest;
  const hash = storeHash(manifest.key);
  if (hash !== manifest.hash) {
    throw new SalmonError('conflict', {
      what: 'The manifest of this activation store was changed after the fact',
      where,
      expected: `hash ${hash} for what its key says`,
      got: `hash ${manifest.hash}`,
      todo: 'Harvest it again',
    });
  }
  return manifest;
}
