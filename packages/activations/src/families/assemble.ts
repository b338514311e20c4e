import { tf } from '@salmon-sae/compute';
import type { Block, Decoder } from '../blocks/decoder.js';
import type { EmbeddingTable } from '../blocks/embedding.js';
import { head } from '../blocks/head.js';
import type { Norm } from '../blocks/norm.js';
import type { Matrix, Pass } from '../blocks/pass.js';
import type { FamilySource } from './family.js';

export interface Assembly {
  readonly width: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly layers: number;
  readonly embedding: EmbeddingTable;
  readonly embedScale?: number;
  /** Learned positions [context, width]. */
  readonly positions?: tf.Tensor2D;
  readonly blocks: readonly Block[];
  /** Absent where no logits will be wanted. */
  readonly final?: FinalParts | undefined;
}

export interface FinalParts {
  readonly norm: Norm;
  /** The unembedding; the embedding itself where tied. */
  readonly table: EmbeddingTable;
  readonly softcap?: number | undefined;
}

/** Puts loaded parts together. */
export function assemble(parts: Assembly): Decoder {
  const { embedding, embedScale, positions, final } = parts;
  return {
    width: parts.width,
    vocabulary: parts.vocabulary,
    context: parts.context,
    layers: parts.layers,
    blocks: parts.blocks,
    head: final === undefined ? undefined : head(final),
    embed: (ids) => {
      const x = embedding.lookup(ids);
      return embedScale === undefined ? x : tf.mul(x, embedScale);
    },
    position: (x, pass) => (positions === undefined ? tf.clone(x) : addPositions(x, positions, pass)),
  };
}

function addPositions(x: Matrix, positions: tf.Tensor2D, pass: Pass): Matrix {
  const width = positions.shape[1];
  const first = tf.slice(positions, [0, 0], [pass.context, width]);
  return tf.add(x.reshape([pass.rows, pass.context, width]), first).reshape(x.shape);
}

/** Whether the unembedding is the embedding: config.json's word, or else whether the weights have one of their own. */
export function isTied(source: FamilySource, headName: string): boolean {
  return source.config.optionalFlag('tie_word_embeddings') ?? !source.weights.has(headName);
}

/** Loads blocks one after another: what is being read is never more than one tensor. */
export async function loadBlocks(count: number, load: (layer: number) => Promise<Block>): Promise<readonly Block[]> {
  const blocks: Block[] = [];
  for (let layer = 0; layer < count; layer++) blocks.push(await load(layer));
  return blocks;
}
