import { SalmonError } from '@salmon-sae/dataflow';
import { activationNamed } from '../blocks/activation.js';
import type { AttentionShape } from '../blocks/attention.js';
import type { Block, Decoder } from '../blocks/decoder.js';
import type { Linear } from '../blocks/linear.js';
import { gatedMlp } from '../blocks/mlp.js';
import { rmsNorm } from '../blocks/norm.js';
import type { Norm } from '../blocks/norm.js';
import { sequentialBlock } from '../blocks/residual-block.js';
import type { Rotary } from '../blocks/rotary.js';
import type { ConfigReader } from '../config/config-reader.js';
import { assemble, isTied, loadBlocks } from './assemble.js';
import type { FamilySource } from './family.js';

/** The sizes that every config.json of this layout spells alike. */
export interface LlamaSizes {
  readonly width: number;
  readonly vocabulary: number;
  readonly layers: number;
  readonly context: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly hidden: number;
  readonly eps: number;
}

export function llamaSizes(config: ConfigReader): LlamaSizes {
  const heads = config.count('num_attention_heads');
  // Llama configurations from before grouped queries have no such field: every head has its own keys.
  const keyHeads = config.has('num_key_value_heads') ? config.count('num_key_value_heads') : heads;
  if (heads % keyHeads !== 0) {
    throw new SalmonError('bad-config', {
      what: 'Query heads cannot share key heads evenly',
      where: config.where,
      expected: 'num_attention_heads to be a multiple of num_key_value_heads',
      got: `${heads} and ${keyHeads}`,
    });
  }
  return {
    width: config.count('hidden_size'),
    vocabulary: config.count('vocab_size'),
    layers: config.count('num_hidden_layers'),
    context: config.count('max_position_embeddings'),
    heads,
    keyHeads,
    hidden: config.count('intermediate_size'),
    eps: config.number('rms_norm_eps'),
  };
}

/** What the families with Llama's tensor names differ in. */
export interface LlamaLayout extends LlamaSizes {
  readonly headDim: number;
  readonly activation: string;
  readonly bias: { readonly input: boolean; readonly output: boolean; readonly mlp: boolean };
  /** Added to every stored norm gain (Gemma: 1). */
  readonly gainOffset?: number;
  /** Norms after the modules too, under Gemma's names. */
  readonly outputNorms?: boolean;
  /** Norms over each query and key head. */
  readonly headNorms?: boolean;
  readonly embedScale?: number;
  readonly logitSoftcap?: number | undefined;
  layer(index: number): LayerAttention;
}

export interface LayerAttention {
  readonly scale: number;
  readonly softcap?: number | undefined;
  readonly window?: number | undefined;
  readonly rotary: Rotary;
}

/** Loads a decoder whose tensors bear Llama's names. */
export async function loadLlamaLayout(source: FamilySource, layout: LlamaLayout): Promise<Decoder> {
  const { width, vocabulary } = layout;
  const { weights } = source;
  const offset = layout.gainOffset === undefined ? {} : { plus: layout.gainOffset };
  const embedding = await weights.embedding('embed_tokens.weight', vocabulary, width);
  const blocks = await loadBlocks(source.blocks, (layer) => loadBlock(source, layout, layer));
  const final = source.head
    ? {
        norm: rmsNorm(await weights.vector('norm.weight', width, offset), layout.eps),
        table: isTied(source, 'lm_head.weight') ? embedding : await weights.embedding('lm_head.weight', vocabulary, width),
        softcap: layout.logitSoftcap,
      }
    : undefined;
  const { layers, context, embedScale } = layout;
  return assemble({ width, vocabulary, layers, context, embedding, blocks, final, ...(embedScale === undefined ? {} : { embedScale }) });
}

async function loadBlock(source: FamilySource, layout: LlamaLayout, layer: number): Promise<Block> {
  const { width, heads, keyHeads, headDim, hidden, bias } = layout;
  const { weights, config } = source;
  const at = `layers.${layer}`;
  const norm = async (name: string, size: number): Promise<Norm> => {
    const options = layout.gainOffset === undefined ? {} : { plus: layout.gainOffset };
    return rmsNorm(await weights.vector(`${at}.${name}.weight`, size, options), layout.eps);
  };
  const project = (name: string, sizes: readonly [number, number], biased: boolean): Promise<Linear> =>
    weights.linear({ weight: `${at}.${name}.weight`, bias: biased ? `${at}.${name}.bias` : undefined }, ...sizes);
  const { rotary, ...rest } = layout.layer(layer);
  const shape: AttentionShape = { heads, keyHeads, headDim, ...rest };
  const headNorms = layout.headNorms === true
    ? { queryNorm: await norm('self_attn.q_norm', headDim), keyNorm: await norm('self_attn.k_norm', headDim) }
    : {};
  const outputNorms = layout.outputNorms === true
    ? { afterAttention: await norm('post_attention_layernorm', width), afterMlp: await norm('post_feedforward_layernorm', width) }
    : {};
  return sequentialBlock({
    shape,
    attentionNorm: await norm('input_layernorm', width),
    attention: {
      rotary,
      ...headNorms,
      query: await project('self_attn.q_proj', [width, heads * headDim], bias.input),
      key: await project('self_attn.k_proj', [width, keyHeads * headDim], bias.input),
      value: await project('self_attn.v_proj', [width, keyHeads * headDim], bias.input),
      output: await project('self_attn.o_proj', [heads * headDim, width], bias.output),
    },
    mlpNorm: await norm(layout.outputNorms === true ? 'pre_feedforward_layernorm' : 'post_attention_layernorm', width),
    mlp: gatedMlp(
      { gate: await project('mlp.gate_proj', [width, hidden], bias.mlp), up: await project('mlp.up_proj', [width, hidden], bias.mlp) },
      await project('mlp.down_proj', [hidden, width], bias.mlp),
      activationNamed(layout.activation, config.where),
    ),
    ...outputNorms,
  });
}
