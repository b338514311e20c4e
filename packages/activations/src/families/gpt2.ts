import { activationNamed } from '../blocks/activation.js';
import type { Block, Decoder } from '../blocks/decoder.js';
import type { Linear } from '../blocks/linear.js';
import { plainMlp } from '../blocks/mlp.js';
import { layerNorm } from '../blocks/norm.js';
import type { Norm } from '../blocks/norm.js';
import { sequentialBlock } from '../blocks/residual-block.js';
import { assemble, isTied, loadBlocks } from './assemble.js';
import type { Family, FamilySource } from './family.js';

/** GPT-2 (Radford et al. 2019): learned positions, LayerNorm, weights stored [in, out]. */
export const gpt2: Family = {
  name: 'gpt2',
  modelTypes: ['gpt2'],
  prefixes: ['transformer.', ''],
  layers: (config) => config.count('n_layer'),
  load,
};

async function load(source: FamilySource): Promise<Decoder> {
  const { config, weights } = source;
  const width = config.count('n_embd');
  const vocabulary = config.count('vocab_size');
  const context = config.count('n_positions');
  const eps = config.number('layer_norm_epsilon');
  const norm = async (name: string): Promise<Norm> =>
    layerNorm(await weights.vector(`${name}.weight`, width), await weights.vector(`${name}.bias`, width), eps);
  const embedding = await weights.embedding('wte.weight', vocabulary, width);
  const positions = await weights.matrix('wpe.weight', context, width);
  const blocks = await loadBlocks(source.blocks, (layer) => loadBlock(source, layer, norm));
  const final = source.head
    ? {
        norm: await norm('ln_f'),
        table: isTied(source, 'lm_head.weight') ? embedding : await weights.embedding('lm_head.weight', vocabulary, width),
      }
    : undefined;
  return assemble({ width, vocabulary, context, layers: config.count('n_layer'), embedding, positions, blocks, final });
}

async function loadBlock(source: FamilySource, layer: number, norm: (name: string) => Promise<Norm>): Promise<Block> {
  const { config, weights } = source;
  const width = config.count('n_embd');
  const heads = config.count('n_head');
  const hidden = config.optionalNumber('n_inner') ?? 4 * width;
  const at = `h.${layer}`;
  const headDim = width / heads;
  // `scale_attn_by_inverse_layer_idx` divides by the layer's number counted from one.
  const scale =
    (config.flag('scale_attn_weights', true) ? headDim ** -0.5 : 1) /
    (config.flag('scale_attn_by_inverse_layer_idx', false) ? layer + 1 : 1);
  const project = (name: string, inputs: number, outputs: number): Promise<Linear> =>
    weights.linear({ weight: `${at}.${name}.weight`, bias: `${at}.${name}.bias`, transposed: true }, inputs, outputs);
  const [query, key, value] = await weights.linearParts(
    { weight: `${at}.attn.c_attn.weight`, bias: `${at}.attn.c_attn.bias`, transposed: true },
    { inputs: width, outputs: 3 * width },
    [0, 1, 2].map((part) => Array.from({ length: width }, (_, i) => part * width + i)),
  );
  return sequentialBlock({
    shape: { heads, keyHeads: heads, headDim, scale },
    attentionNorm: await norm(`${at}.ln_1`),
    attention: { query: query as Linear, key: key as Linear, value: value as Linear, output: await project('attn.c_proj', width, width) },
    mlpNorm: await norm(`${at}.ln_2`),
    mlp: plainMlp(
      await project('mlp.c_fc', width, hidden),
      await project('mlp.c_proj', hidden, width),
      activationNamed(config.text('activation_function'), config.where),
    ),
  });
}
