import { activationNamed } from '../blocks/activation.js';
import type { Block, Decoder } from '../blocks/decoder.js';
import type { Linear } from '../blocks/linear.js';
import { plainMlp } from '../blocks/mlp.js';
import { layerNorm } from '../blocks/norm.js';
import type { Norm } from '../blocks/norm.js';
import { parallelBlock, sequentialBlock } from '../blocks/residual-block.js';
import { rotary } from '../blocks/rotary.js';
import type { Rotary } from '../blocks/rotary.js';
import { ropeConfig } from '../config/rope-config.js';
import { assemble, isTied, loadBlocks } from './assemble.js';
import type { Family, FamilySource } from './family.js';

/** GPT-NeoX (arXiv 2204.06745) and Pythia (arXiv 2304.01373): partial rotation, parallel residual unless switched off. */
export const gptNeox: Family = {
  name: 'gpt_neox',
  modelTypes: ['gpt_neox'],
  prefixes: ['gpt_neox.', ''],
  layers: (config) => config.count('num_hidden_layers'),
  load,
};

async function load(source: FamilySource): Promise<Decoder> {
  const { config, weights } = source;
  const width = config.count('hidden_size');
  const vocabulary = config.count('vocab_size');
  const eps = config.number('layer_norm_eps');
  const norm = async (name: string): Promise<Norm> =>
    layerNorm(await weights.vector(`${name}.weight`, width), await weights.vector(`${name}.bias`, width), eps);
  const rope = ropeConfig(config, { thetaField: 'rotary_emb_base', partialField: 'rotary_pct' });
  const turn = weights.own(rotary(rope, width / config.count('num_attention_heads')));
  const embedding = await weights.embedding('embed_in.weight', vocabulary, width);
  const blocks = await loadBlocks(source.blocks, (layer) => loadBlock(source, layer, { norm, turn }));
  const final = source.head
    ? {
        norm: await norm('final_layer_norm'),
        table: isTied(source, 'embed_out.weight') ? embedding : await weights.embedding('embed_out.weight', vocabulary, width),
      }
    : undefined;
  const context = config.count('max_position_embeddings');
  return assemble({ width, vocabulary, context, layers: config.count('num_hidden_layers'), embedding, blocks, final });
}

interface Shared {
  readonly norm: (name: string) => Promise<Norm>;
  readonly turn: Rotary;
}

async function loadBlock(source: FamilySource, layer: number, { norm, turn }: Shared): Promise<Block> {
  const { config, weights } = source;
  const width = config.count('hidden_size');
  const hidden = config.count('intermediate_size');
  const heads = config.count('num_attention_heads');
  const headDim = width / heads;
  const at = `layers.${layer}`;
  const bias = config.flag('attention_bias', true);
  const named = (name: string, biased: boolean) => ({ weight: `${at}.${name}.weight`, bias: biased ? `${at}.${name}.bias` : undefined });
  // Rows of the fused weight go head by head: this head's query, key and value, then the next head's.
  const [query, key, value] = await weights.linearParts(
    named('attention.query_key_value', bias),
    { inputs: width, outputs: 3 * width },
    [0, 1, 2].map((part) =>
      Array.from({ length: width }, (_, i) => (3 * Math.floor(i / headDim) + part) * headDim + (i % headDim)),
    ),
  );
  const block = config.flag('use_parallel_residual', true) ? parallelBlock : sequentialBlock;
  return block({
    shape: { heads, keyHeads: heads, headDim, scale: headDim ** -0.5 },
    attentionNorm: await norm(`${at}.input_layernorm`),
    attention: {
      rotary: turn,
      query: query as Linear,
      key: key as Linear,
      value: value as Linear,
      output: await weights.linear(named('attention.dense', bias), width, width),
    },
    mlpNorm: await norm(`${at}.post_attention_layernorm`),
    mlp: plainMlp(
      await weights.linear(named('mlp.dense_h_to_4h', true), width, hidden),
      await weights.linear(named('mlp.dense_4h_to_h', true), hidden, width),
      activationNamed(config.text('hidden_act'), config.where),
    ),
  });
}
