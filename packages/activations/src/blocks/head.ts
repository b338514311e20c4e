import { tf } from '@salmon-sae/compute';
import type { EmbeddingTable } from './embedding.js';
import type { Norm } from './norm.js';
import type { Matrix } from './pass.js';

/** From the end of the residual stream to logits. */
export interface Head {
  readonly vocabulary: number;
  /** [n, width] -> [n, vocabulary], soft-cap included. */
  logits(x: Matrix): Matrix;
  /** log(sum(exp(logit))) of each row, [n, 1]. */
  logSumExp(logits: Matrix): Matrix;
  /** Through the norm's gain and the unembedding only: no division, no soft-cap, no bias. */
  directEffect(directions: Matrix): Matrix;
}

export interface HeadParts {
  readonly norm: Norm;
  readonly table: EmbeddingTable;
  /** Logits become cap * tanh(logit / cap) (Gemma-2, arXiv 2408.00118 section 2). */
  readonly softcap?: number | undefined;
}

export function head(parts: HeadParts): Head {
  const { norm, table, softcap } = parts;
  return {
    vocabulary: table.rows,
    logits: (x) => {
      const normed = norm.apply(x);
      // The division by the cap is done on the narrow side.
      return softcap === undefined ? table.project(normed) : tf.mul(tf.tanh(table.project(tf.div(normed, softcap))), softcap);
    },
    // Capped logits cannot overflow, so the pass that looks for the largest is saved.
    logSumExp: (logits) =>
      softcap !== undefined && softcap <= 60 ? (tf.log(tf.sum(tf.exp(logits), -1, true)) as Matrix) : (tf.logSumExp(logits, -1, true) as Matrix),
    directEffect: (directions) => table.project(tf.mul(directions, norm.gain)),
  };
}
