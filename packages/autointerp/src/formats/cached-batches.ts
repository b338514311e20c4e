import type { TokenBatch } from '@salmon-sae/dataflow';
import type { CodedBatch } from '../examples/collect-examples.js';
import type { LatentCache } from './delphi-cache.js';

export interface CachedBatchOptions {
  /** Name the codes get in the collector. */
  readonly sae: string;
  /** Ids that are no text (BOS, EOS, padding). */
  readonly specials: ReadonlySet<number>;
  readonly domain?: string;
  /** Sequences per batch. */
  readonly rows?: number;
}

/** A latent cache as the stream that `collectExamples` reads; each sequence counts as one document. */
export function* cachedBatches(cache: LatentCache, options: CachedBatchOptions): Generator<CodedBatch> {
  const { context, codes } = cache;
  for (let first = 0; first < cache.sequences; first += options.rows ?? 64) {
    const rows = Math.min(options.rows ?? 64, cache.sequences - first);
    const [from, to] = [first * context, (first + rows) * context];
    const ids = cache.tokens.slice(from, to);
    const start = codes.indptr[from] as number;
    const end = codes.indptr[to] as number;
    const docs = Array.from({ length: rows }, (_, r) => `sequence-${first + r}`);
    const tokens: TokenBatch = {
      rows,
      context,
      ids,
      mask: new Uint8Array(ids.length).fill(1),
      special: Uint8Array.from(ids, (id) => (options.specials.has(id) ? 1 : 0)),
      doc: Int32Array.from({ length: ids.length }, (_, i) => Math.floor(i / context)),
      docs,
      domains: docs.map(() => options.domain ?? ''),
      cursor: { source: 'latent-cache', shard: 0, row: first + rows },
    };
    yield {
      tokens,
      coded: {
        [options.sae]: {
          positions: Int32Array.from({ length: ids.length }, (_, i) => i),
          codes: {
            rows: ids.length,
            latents: codes.latents,
            indptr: Int32Array.from(codes.indptr.subarray(from, to + 1), (p) => p - start),
            indices: codes.indices.slice(start, end),
            values: codes.values.slice(start, end),
          },
        },
      },
    };
  }
}
