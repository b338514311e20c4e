import type { SparseCodes } from '@salmon-sae/dataflow';
import { textHash } from '../documents/text-hash.js';

/**
 * Firing counts per latent and per hash group of documents, [groups * latents]: enough to resample documents without holding
 * a documents x latents matrix. Memory: groups * latents * 4 bytes.
 */
export interface LatentCounts {
  readonly latents: number;
  readonly groups: number;
  readonly counts: Uint32Array;
  /** [groups] tokens */
  readonly tokens: Float64Array;
  /** [latents] Σ|f| */
  readonly mass: Float64Array;
  add(codes: SparseCodes, group: Int32Array): void;
}

/** Group of each document id; order-independent. */
export function documentGroups(docs: readonly string[], groups: number): Int32Array {
  return Int32Array.from(docs, (doc) => textHash(doc, 7) % groups);
}

export function latentCounts(latents: number, groups = 64): LatentCounts {
  const counts = new Uint32Array(groups * latents);
  const tokens = new Float64Array(groups);
  const mass = new Float64Array(latents);
  return {
    latents,
    groups,
    counts,
    tokens,
    mass,
    add: (codes, group) => {
      for (let t = 0; t < codes.rows; t++) {
        const g = group[t] as number;
        tokens[g] = (tokens[g] as number) + 1;
        for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
          const f = codes.values[i] as number;
          if (f === 0) continue;
          const latent = codes.indices[i] as number;
          counts[g * latents + latent] = (counts[g * latents + latent] as number) + 1;
          mass[latent] = (mass[latent] as number) + Math.abs(f);
        }
      }
    },
  };
}

/** [latents] counts summed over groups. */
export function totalCounts(counts: LatentCounts): Float64Array {
  const total = new Float64Array(counts.latents);
  for (let g = 0; g < counts.groups; g++) {
    for (let i = 0; i < counts.latents; i++) {
      total[i] = (total[i] as number) + (counts.counts[g * counts.latents + i] as number);
    }
  }
  return total;
}
