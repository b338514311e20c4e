import { fusedOps, tf } from '@salmon-sae/compute';
import { queryBlocks } from './attention-mask.js';
import type { Linear } from './linear.js';
import type { Norm } from './norm.js';
import type { Matrix, Pass, QueryBlock } from './pass.js';
import type { Rotary } from './rotary.js';

/** Scores of one chunk of rows stay below this many floats, whatever the batch. */
const SCORE_FLOATS = 16 * 2 ** 20;

export interface AttentionShape {
  readonly heads: number;
  readonly keyHeads: number;
  readonly headDim: number;
  /** Multiplies the scores. */
  readonly scale: number;
  /** Scores become cap * tanh(score / cap) (Gemma-2, arXiv 2408.00118 section 2). */
  readonly softcap?: number | undefined;
  /** Keys older than this many positions (the query's own included) are hidden. */
  readonly window?: number | undefined;
}

export interface AttentionParts {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly rotary?: Rotary;
  /** Norms over each head's dimensions, before the rotation (Qwen3, Gemma-3). */
  readonly queryNorm?: Norm;
  readonly keyNorm?: Norm;
}

/** Causal self-attention with grouped keys (arXiv 2305.13245): [rows * context, width] -> same. */
export function attention(x: Matrix, parts: AttentionParts, shape: AttentionShape, pass: Pass): Matrix {
  const { heads, keyHeads, headDim } = shape;
  const scale = shape.scale / (shape.softcap ?? 1);
  const query = tf.mul(turn(split(parts.query.apply(x), heads, headDim, pass), parts.queryNorm, parts.rotary), scale);
  const key = turn(split(parts.key.apply(x), keyHeads, headDim, pass), parts.keyNorm, parts.rotary);
  const value = split(parts.value.apply(x), keyHeads, headDim, pass);
  const mixed = attend(query as tf.Tensor4D, key, value, shape, pass);
  return parts.output.apply(mixed.reshape([pass.rows * pass.context, heads * headDim]) as Matrix);
}

/** [n, heads * headDim] -> [rows, heads, context, headDim] */
function split(x: Matrix, heads: number, headDim: number, pass: Pass): tf.Tensor4D {
  return tf.transpose(x.reshape([pass.rows, pass.context, heads, headDim]) as tf.Tensor4D, [0, 2, 1, 3]);
}

function turn(x: tf.Tensor4D, norm: Norm | undefined, rotary: Rotary | undefined): tf.Tensor4D {
  const normed = norm === undefined ? x : norm.apply(x);
  return rotary === undefined ? normed : rotary.apply(normed);
}

/** -> [rows, context, heads, headDim] */
function attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, shape: AttentionShape, pass: Pass): tf.Tensor4D {
  const blocks = queryBlocks(pass.context, shape.window);
  const longest = Math.max(...blocks.map((b) => (b.to - b.from) * (b.keysTo - b.keysFrom)));
  const rowsAtOnce = Math.max(1, Math.floor(SCORE_FLOATS / (longest * shape.heads)));
  if (rowsAtOnce >= pass.rows) return attendRows(q, k, v, shape, { pass, blocks, from: 0, rows: pass.rows });
  const chunks: tf.Tensor4D[] = [];
  for (let from = 0; from < pass.rows; from += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, pass.rows - from);
    chunks.push(
      tf.tidy(() => {
        const [cq, ck, cv] = [q, k, v].map((x) => tf.slice(x, [from, 0, 0, 0], [rows, -1, -1, -1])) as Three;
        return attendRows(cq, ck, cv, shape, { pass, blocks, from, rows });
      }),
    );
  }
  return tf.concat(chunks, 0);
}

type Three = [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];

interface Chunk {
  readonly pass: Pass;
  readonly blocks: readonly QueryBlock[];
  readonly from: number;
  readonly rows: number;
}

function attendRows(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, shape: AttentionShape, chunk: Chunk): tf.Tensor4D {
  const { heads, keyHeads, headDim } = shape;
  const { rows, blocks } = chunk;
  const context = chunk.pass.context;
  const group = heads / keyHeads;
  // Query heads that share a key head lie side by side, so that one product serves the whole group.
  const q4 = q.reshape([rows * keyHeads, group, context, headDim]) as tf.Tensor4D;
  const k3 = k.reshape([rows * keyHeads, context, headDim]) as tf.Tensor3D;
  const v3 = v.reshape([rows * keyHeads, context, headDim]) as tf.Tensor3D;
  const outputs = blocks.map((block) =>
    tf.tidy(() => {
      const queries = block.to - block.from;
      const keys = block.keysTo - block.keysFrom;
      const whole = queries === context;
      const qb = (whole ? q4 : tf.slice(q4, [0, 0, block.from, 0], [-1, -1, queries, -1])).reshape([
        rows * keyHeads,
        group * queries,
        headDim,
      ]);
      const kb = keys === context ? k3 : tf.slice(k3, [0, block.keysFrom, 0], [-1, keys, -1]);
      const vb = keys === context ? v3 : tf.slice(v3, [0, block.keysFrom, 0], [-1, keys, -1]);
      const scores = tf.matMul(qb, kb, false, true).reshape([rows, heads, queries, keys]) as tf.Tensor4D;
      const weights = weigh(scores, maskOf(chunk, shape.window, block), shape.softcap).reshape([rows * keyHeads, group * queries, keys]);
      const mixed = tf.matMul(weights, vb).reshape([rows, heads, queries, headDim]);
      return tf.transpose(mixed, [0, 2, 1, 3]) as tf.Tensor4D;
    }),
  );
  return outputs.length === 1 ? (outputs[0] as tf.Tensor4D) : tf.concat(outputs, 1);
}

function weigh(scores: tf.Tensor4D, mask: tf.Tensor4D, softcap: number | undefined): tf.Tensor4D {
  const fused = fusedOps();
  if (fused !== undefined) return fused.attentionWeights(scores, mask, softcap);
  const capped = softcap === undefined ? scores : tf.mul(tf.tanh(scores), softcap);
  return tf.softmax(tf.add(capped, mask)) as tf.Tensor4D;
}

function maskOf(chunk: Chunk, window: number | undefined, block: QueryBlock): tf.Tensor4D {
  const mask = chunk.pass.masks.block(window, block);
  return mask.shape[0] === 1 || chunk.rows === chunk.pass.rows ? mask : tf.slice(mask, [chunk.from, 0, 0, 0], [chunk.rows, -1, -1, -1]);
}
