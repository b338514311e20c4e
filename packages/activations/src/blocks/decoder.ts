import type { Head } from './head.js';
import type { Matrix, Pass } from './pass.js';

/** A decoder-only transformer, cut where hooks are: each method is one step between two hooks. Its weights belong to the `WeightSource`. */
export interface Decoder {
  readonly width: number;
  readonly vocabulary: number;
  readonly context: number;
  /** All layers of the model, loaded or not. */
  readonly layers: number;
  /** The blocks that were loaded. */
  readonly blocks: readonly Block[];
  readonly head: Head | undefined;
  /** Token embeddings as they enter the residual stream (Gemma's scale included), without positions. */
  embed(ids: Int32Array): Matrix;
  /** Adds position embeddings where the architecture has them. */
  position(x: Matrix, pass: Pass): Matrix;
}

/** One transformer block. */
export interface Block {
  /** Residual stream -> raw attention output. */
  attention(x: Matrix, pass: Pass): Matrix;
  /** What the feed-forward half reads, from the residual stream and the attention output. */
  middle(x: Matrix, attention: Matrix): Matrix;
  /** -> raw feed-forward output. */
  mlp(middle: Matrix): Matrix;
  /** The residual stream after the block. */
  join(parts: BlockParts): Matrix;
}

export interface BlockParts {
  readonly x: Matrix;
  readonly attention: Matrix;
  readonly middle: Matrix;
  readonly mlp: Matrix;
}
