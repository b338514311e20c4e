import type { Json, TokenBatch } from '@salmon-sae/dataflow';

/** What a filter looks at: candidate rows of one hook of one token batch. */
export interface FilterInput {
  readonly batch: TokenBatch;
  /** Index into [rows * context] of each candidate. */
  readonly at: Int32Array;
  /** [rows * context * width], all positions. */
  readonly values: Float32Array;
  readonly width: number;
}

/** Decides which rows of a harvest are kept, and counts. One filter belongs to one harvest. */
export interface RowFilter {
  readonly name: string;
  /** Its settings: part of what names an activation store. */
  readonly facts: Json;
  /** 1 = keep, for each candidate. */
  select(input: FilterInput): Uint8Array;
}

/** How many rows a filter has dropped so far. */
export interface FilterCount {
  readonly name: string;
  readonly seen: number;
  readonly dropped: number;
}

/** Runs filters one after another, each on what the ones before it kept. */
export class FilterChain {
  private readonly counts: { readonly name: string; seen: number; dropped: number }[];

  constructor(private readonly filters: readonly RowFilter[]) {
    this.counts = filters.map(({ name }) => ({ name, seen: 0, dropped: 0 }));
  }

  /** Counts since the start of the stream, one entry per filter. */
  report(): readonly FilterCount[] {
    return this.counts.map((count) => ({ ...count }));
  }

  apply(input: FilterInput): Int32Array {
    let { at } = input;
    this.filters.forEach((filter, i) => {
      const keep = filter.select({ ...input, at });
      const kept = at.filter((_, j) => keep[j] === 1);
      const count = this.counts[i];
      if (count !== undefined) {
        count.seen += at.length;
        count.dropped += at.length - kept.length;
      }
      at = kept;
    });
    return at;
  }
}
