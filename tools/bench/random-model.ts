import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { random } from '@salmon-sae/dataflow';
import type { NdArray } from '@salmon-sae/dataflow';
import { writeSafetensors } from '@salmon-sae/dataflow/safetensors';

/** A model shape with random weights: config.json and tensors, one file per layer. */
export interface ModelShape {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: number;
  /** Tensors outside of the layers: name -> shape. */
  readonly outer: Readonly<Record<string, readonly number[]>>;
  layer(index: number): Readonly<Record<string, readonly number[]>>;
  readonly dtype: 'F32' | 'BF16';
  /** Stored norm gains that mean "times one". */
  readonly unitGain: number;
  readonly hook: string;
  readonly rows: number;
  readonly context: number;
}

export const gpt2Small: ModelShape = {
  name: 'gpt2-small',
  layers: 12,
  dtype: 'F32',
  unitGain: 1,
  hook: 'resid_post.11',
  rows: 4,
  context: 1024,
  config: {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    vocab_size: 50257,
    n_positions: 1024,
    n_embd: 768,
    n_head: 12,
    n_layer: 12,
    n_inner: null,
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    dtype: 'float32',
  },
  outer: { 'transformer.wte.weight': [50257, 768], 'transformer.wpe.weight': [1024, 768], 'transformer.ln_f.weight': [768], 'transformer.ln_f.bias': [768] },
  layer: (i) => {
    const at = `transformer.h.${i}`;
    return {
      [`${at}.ln_1.weight`]: [768],
      [`${at}.ln_1.bias`]: [768],
      [`${at}.attn.c_attn.weight`]: [768, 2304],
      [`${at}.attn.c_attn.bias`]: [2304],
      [`${at}.attn.c_proj.weight`]: [768, 768],
      [`${at}.attn.c_proj.bias`]: [768],
      [`${at}.ln_2.weight`]: [768],
      [`${at}.ln_2.bias`]: [768],
      [`${at}.mlp.c_fc.weight`]: [768, 3072],
      [`${at}.mlp.c_fc.bias`]: [3072],
      [`${at}.mlp.c_proj.weight`]: [3072, 768],
      [`${at}.mlp.c_proj.bias`]: [768],
    };
  },
};

/** Gemma-2-2b up to layer 20: deeper layers are never run, so they are not made. */
export const gemma2Shape: ModelShape = {
  name: 'gemma-2-2b',
  layers: 21,
  dtype: 'BF16',
  unitGain: 0,
  hook: 'resid_post.20',
  rows: 2,
  context: 1024,
  config: {
    model_type: 'gemma2',
    architectures: ['Gemma2ForCausalLM'],
    vocab_size: 256000,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 21,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    query_pre_attn_scalar: 256,
    sliding_window: 4096,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    hidden_activation: 'gelu_pytorch_tanh',
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
  },
  outer: { 'model.embed_tokens.weight': [256000, 2304], 'model.norm.weight': [2304] },
  layer: (i) => {
    const at = `model.layers.${i}`;
    return {
      [`${at}.input_layernorm.weight`]: [2304],
      [`${at}.post_attention_layernorm.weight`]: [2304],
      [`${at}.pre_feedforward_layernorm.weight`]: [2304],
      [`${at}.post_feedforward_layernorm.weight`]: [2304],
      [`${at}.self_attn.q_proj.weight`]: [2048, 2304],
      [`${at}.self_attn.k_proj.weight`]: [1024, 2304],
      [`${at}.self_attn.v_proj.weight`]: [1024, 2304],
      [`${at}.self_attn.o_proj.weight`]: [2304, 2048],
      [`${at}.mlp.gate_proj.weight`]: [9216, 2304],
      [`${at}.mlp.up_proj.weight`]: [9216, 2304],
      [`${at}.mlp.down_proj.weight`]: [2304, 9216],
    };
  },
};

/** Writes the model into `folder` unless it is there already. */
export async function writeRandomModel(shape: ModelShape, folder: string): Promise<void> {
  const done = join(folder, 'config.json');
  if (await stat(done).then(() => true, () => false)) return;
  await mkdir(folder, { recursive: true });
  const draw = random(0, shape.name);
  const pool = Float32Array.from({ length: 1 << 20 }, () => 0.02 * draw.normal());
  const weightMap: Record<string, string> = {};
  const parts = [shape.outer, ...Array.from({ length: shape.layers }, (_, i) => shape.layer(i))];
  for (const [i, tensors] of parts.entries()) {
    const file = `model-${String(i + 1).padStart(5, '0')}-of-${String(parts.length).padStart(5, '0')}.safetensors`;
    const filled: Record<string, NdArray> = {};
    for (const [name, dims] of Object.entries(tensors)) {
      filled[name] = { shape: dims, data: fill(dims, dims.length === 1 && name.endsWith('.weight') ? shape.unitGain : 0, pool, draw.below(pool.length)) };
      weightMap[name] = file;
    }
    await writeSafetensors(join(folder, file), filled, { dtype: shape.dtype, metadata: { format: 'pt' } });
  }
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
  // transformers refuses a soft cap without a decimal point, which JSON.stringify never writes.
  await writeFile(done, JSON.stringify(shape.config).replace(/(_softcapping":\d+)(?=[,}])/g, '$1.0'));
}

function fill(dims: readonly number[], centre: number, pool: Float32Array, start: number): Float32Array {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) data[i] = centre + (pool[(start + i) % pool.length] as number);
  return data;
}
