import type { ActivationBatch } from '@salmon-sae/dataflow';
import { mixBits, textHash } from '../documents/text-hash.js';
import type { Reconstructor } from '../reconstruction/named-sae.js';

/** Dense latents' activations on a sample of tokens that depends on the tokens alone, not on their order. */
export interface DenseSample {
  readonly rows: number;
  /** latent -> [rows] activation */
  readonly activation: ReadonlyMap<number, Float32Array>;
  /** [rows * width] */
  readonly x: Float32Array;
  /** [rows] a number per document */
  readonly document: Float64Array;
  readonly distances: Readonly<Record<string, Float64Array>>;
  readonly contentWord?: Uint8Array;
}

export interface DenseSampleOptions {
  /** Most tokens looked at (default 20,000). */
  readonly tokens?: number;
  /** Distances of each row from some start; default: the position in its context. */
  readonly distances?: Readonly<Record<string, (batch: ActivationBatch) => ArrayLike<number>>>;
  /** [rows] 1 = a content word (noun, verb, adjective, adverb). */
  readonly contentWord?: (batch: ActivationBatch) => Uint8Array;
}

interface SampledRow {
  readonly key: number;
  readonly x: Float32Array;
  readonly f: Float32Array;
  readonly document: number;
  readonly distance: readonly number[];
  readonly content: number;
}

/** Keeps the rows with the smallest hash of (document, position): a uniform sample of bounded size. */
export function denseSample(sae: Reconstructor, batches: Iterable<ActivationBatch>, { latents, ...options }: { readonly latents: readonly number[] } & DenseSampleOptions): DenseSample {
  const limit = options.tokens ?? 20_000;
  const measures = Object.entries(options.distances ?? { context: (b: ActivationBatch): ArrayLike<number> => b.origin.position });
  const place = new Map(latents.map((f, i) => [f, i]));
  let kept: SampledRow[] = [];
  let bound = Number.POSITIVE_INFINITY;
  for (const batch of batches) {
    const { codes } = sae.run(batch.values, batch.rows);
    const width = batch.site.width;
    const hashes = batch.origin.docs.map((d) => textHash(d, 3));
    const distance = measures.map(([, of]) => of(batch));
    const content = options.contentWord?.(batch);
    for (let t = 0; t < batch.rows; t++) {
      const document = hashes[batch.origin.doc[t] as number] as number;
      const key = mixBits(document ^ Math.imul((batch.origin.position[t] as number) + 1, 0x9e3779b1));
      if (key >= bound) continue;
      const f = new Float32Array(latents.length);
      for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
        const at = place.get(codes.indices[i] as number);
        if (at !== undefined) f[at] = codes.values[i] as number;
      }
      const x = batch.values.slice(t * width, (t + 1) * width);
      kept.push({ key, x, f, document, distance: distance.map((d) => d[t] as number), content: content?.[t] ?? 0 });
    }
    if (kept.length <= 2 * limit) continue;
    kept = kept.sort((a, b) => a.key - b.key).slice(0, limit);
    bound = (kept[kept.length - 1] as SampledRow).key;
  }
  kept = kept.sort((a, b) => a.key - b.key).slice(0, limit);
  const width = kept[0]?.x.length ?? 0;
  const x = new Float32Array(kept.length * width);
  kept.forEach((row, i) => x.set(row.x, i * width));
  return {
    rows: kept.length,
    x,
    activation: new Map(latents.map((f, i) => [f, Float32Array.from(kept, (row) => row.f[i] as number)])),
    document: Float64Array.from(kept, (row) => row.document),
    distances: Object.fromEntries(measures.map(([name], m) => [name, Float64Array.from(kept, (row) => row.distance[m] as number)])),
    ...(options.contentWord === undefined ? {} : { contentWord: Uint8Array.from(kept, (row) => row.content) }),
  };
}
