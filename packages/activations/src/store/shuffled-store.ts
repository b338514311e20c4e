import { shuffle } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import type { Observable } from 'rxjs';
import { readStore } from './read-store.js';
import type { ReadStoreOptions } from './read-store.js';
import { shuffleQuality } from './shuffle-quality.js';
import type { ShuffleQuality } from './shuffle-quality.js';

export interface ShuffledStoreOptions extends Omit<ReadStoreOptions, 'from' | 'seed'> {
  /** Permutes the shards and draws from the reservoir. */
  readonly seed: number;
  /** Rows that are mixed at a time; default 250,000. */
  readonly reservoir?: number;
  /** Rows of each batch; default 2048. */
  readonly batch?: number;
  /** Rows that an interrupted run has had already; the run goes on exactly as an uninterrupted one. */
  readonly emitted?: number;
  readonly onQuality?: (quality: ShuffleQuality) => void;
}

/**
 * Rows of a store in shuffled order: shards permuted by the seed and read sequentially, rows mixed in a reservoir.
 * Buffers `reservoir` rows. Equal seeds give equal batches.
 */
export function shuffledStore(folder: string, options: ShuffledStoreOptions): Observable<ActivationBatch> {
  const { reservoir = 250_000, batch = 2048, emitted = 0, onQuality, ...reading } = options;
  const mixed = readStore(folder, reading).pipe(shuffle(reservoir, options.seed, { batch, emitted }));
  return onQuality === undefined ? mixed : mixed.pipe(shuffleQuality(onQuality));
}
