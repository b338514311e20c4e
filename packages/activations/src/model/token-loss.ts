import { tf } from '@salmon-sae/compute';
import type { TokenRows } from '@salmon-sae/dataflow';
import type { Head } from '../blocks/head.js';
import type { Matrix } from '../blocks/pass.js';

/**
 * Floats of logits made at a time: few enough to stay out of the page allocator's hands (16 MB), but with large
 * vocabularies still enough rows that reading the unembedding pays.
 */
const LOGIT_FLOATS = 4 * 2 ** 20;
const LEAST_ROWS = 128;

/** The positions that predict a real token, in order. */
export interface Predictions {
  /** Index into [rows * context] of each predicting position. */
  readonly at: Int32Array;
  /** Index into [rows * (context - 1)]. */
  readonly to: Int32Array;
  readonly targets: Int32Array;
  /** [rows * (context - 1)] 1 = counted. */
  readonly counted: Uint8Array;
}

export function predictions(tokens: TokenRows): Predictions {
  const { rows, context, ids, mask } = tokens;
  const steps = Math.max(0, context - 1);
  const counted = new Uint8Array(rows * steps);
  const at: number[] = [];
  const to: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let t = 0; t < steps; t++) {
      const i = row * context + t;
      if (mask[i] !== 1 || mask[i + 1] !== 1) continue;
      counted[row * steps + t] = 1;
      at.push(i);
      to.push(row * steps + t);
    }
  }
  return { at: Int32Array.from(at), to: Int32Array.from(to), targets: Int32Array.from(at, (i) => ids[i + 1] as number), counted };
}

/** Slices of `count` rows whose logits fit the bound. */
export function logitChunks(count: number, vocabulary: number): readonly { readonly from: number; readonly to: number }[] {
  const size = Math.max(LEAST_ROWS, Math.floor(LOGIT_FLOATS / vocabulary));
  const chunks: { from: number; to: number }[] = [];
  for (let from = 0; from < count; from += size) chunks.push({ from, to: Math.min(count, from + size) });
  return chunks;
}

/** Logits [m, vocabulary] after some positions of a residual stream, with the log of their normaliser [m, 1]. */
export interface Distribution {
  readonly logits: Matrix;
  readonly logSum: Matrix;
}

export function distributionAt(head: Head, x: Matrix, positions: Int32Array): Distribution {
  const logits = head.logits(tf.gather(x, tf.tensor1d(positions, 'int32')));
  return { logits, logSum: head.logSumExp(logits) };
}

/** -log p(target) of each row, [m]. */
export function negativeLog({ logits, logSum }: Distribution, targets: Int32Array): tf.Tensor1D {
  const [rows, vocabulary] = logits.shape;
  const flat = Int32Array.from({ length: rows }, (_, i) => i * vocabulary + (targets[i] as number));
  return tf.sub(logSum.flatten(), tf.gather(logits.flatten(), tf.tensor1d(flat, 'int32'))) as tf.Tensor1D;
}

/** Next-token cross-entropy, nats, [rows * (context - 1)]; 0 at positions that are not counted. */
export function crossEntropy(head: Head, x: Matrix, tokens: TokenRows): Float32Array {
  const { at, to, targets, counted } = predictions(tokens);
  const losses = new Float32Array(counted.length);
  for (const { from, to: end } of logitChunks(at.length, head.vocabulary)) {
    const chunk = read(() => negativeLog(distributionAt(head, x, at.subarray(from, end)), targets.subarray(from, end)));
    chunk.forEach((value, i) => (losses[to[from + i] as number] = value));
  }
  return losses;
}

/** All logits [rows * context, vocabulary], read back piece by piece. */
export function readLogits(head: Head, x: Matrix): Float32Array {
  const [n, width] = x.shape;
  const vocabulary = head.vocabulary;
  const logits = new Float32Array(n * vocabulary);
  for (const { from, to } of logitChunks(n, vocabulary)) {
    logits.set(read(() => head.logits(tf.slice(x, [from, 0], [to - from, width]))), from * vocabulary);
  }
  return logits;
}

/** Values of a tensor that is made and freed here (a tidy that returned the array would walk through all of it). */
function read(make: () => tf.Tensor): Float32Array {
  const tensor = tf.tidy(make);
  try {
    return tensor.dataSync<'float32'>();
  } finally {
    tensor.dispose();
  }
}
