import type { tf } from '@salmon-sae/compute';

export type Matrix = tf.Tensor2D;

/** What every block of one forward pass shares: the shape of the batch and its attention masks. */
export interface Pass {
  readonly rows: number;
  readonly context: number;
  readonly masks: AttentionMasks;
}

/** Additive masks, made once for a pass and used by every layer with the same window. */
export interface AttentionMasks {
  /** [1 or rows, 1, to - from, keysTo - keysFrom], 0 where the query may look and a large negative number elsewhere. */
  block(window: number | undefined, block: QueryBlock): tf.Tensor4D;
}

/** Queries [from, to) and the keys that any of them can see. */
export interface QueryBlock {
  readonly from: number;
  readonly to: number;
  readonly keysFrom: number;
  readonly keysTo: number;
}
