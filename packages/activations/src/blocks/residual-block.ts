import { tf } from '@salmon-sae/compute';
import { attention } from './attention.js';
import type { AttentionParts, AttentionShape } from './attention.js';
import type { Block } from './decoder.js';
import type { Mlp } from './mlp.js';
import type { Norm } from './norm.js';

export interface BlockModules {
  readonly attentionNorm: Norm;
  readonly attention: AttentionParts;
  readonly shape: AttentionShape;
  readonly mlpNorm: Norm;
  readonly mlp: Mlp;
  /** Norms of the module outputs before they join the residual stream (Gemma). */
  readonly afterAttention?: Norm;
  readonly afterMlp?: Norm;
}

/** x += attention(norm(x)); x += mlp(norm(x)). */
export function sequentialBlock(modules: BlockModules): Block {
  const { afterAttention, afterMlp } = modules;
  return {
    attention: (x, pass) => attention(modules.attentionNorm.apply(x), modules.attention, modules.shape, pass),
    middle: (x, out) => tf.add(x, afterAttention === undefined ? out : afterAttention.apply(out)),
    mlp: (middle) => modules.mlp.apply(modules.mlpNorm.apply(middle)),
    join: ({ middle, mlp }) => tf.add(middle, afterMlp === undefined ? mlp : afterMlp.apply(mlp)),
  };
}

/** x += attention(norm(x)) + mlp(norm'(x)) (GPT-NeoX, arXiv 2204.06745 section 2.1). */
export function parallelBlock(modules: BlockModules): Block {
  return {
    attention: (x, pass) => attention(modules.attentionNorm.apply(x), modules.attention, modules.shape, pass),
    middle: (x) => x,
    mlp: (middle) => modules.mlp.apply(modules.mlpNorm.apply(middle)),
    join: ({ x, attention: out, mlp }) => tf.add(tf.add(x, out), mlp),
  };
}
