import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { random } from '@salmon-sae/dataflow';
import type { NdArray } from '@salmon-sae/dataflow';
import { writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import { bundledModel } from '../src/experiment/bundled-model.js';

const SHAPE = { vocabulary: 384, width: 16, layers: 2, heads: 2, keyHeads: 1, head: 8, hidden: 32 };

/**
 * Writes a Gemma-2 folder with random weights and the first tokens of the bundled model's tokenizer: some ten thousand parameters, so that
 * the whole pipeline ends in seconds where every kernel is slow.
 */
export async function writeTinyModel(folder: string): Promise<string> {
  const { vocabulary, width, layers, heads, keyHeads, head, hidden } = SHAPE;
  await mkdir(folder, { recursive: true });
  const draw = random(3);
  const weight = (shape: readonly number[], size: number): NdArray => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => size * draw.normal()) });
  const tensors: Record<string, NdArray> = { 'model.embed_tokens.weight': weight([vocabulary, width], 0.5), 'model.norm.weight': weight([width], 0.1) };
  for (let i = 0; i < layers; i++) {
    const at = `model.layers.${i}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm', 'post_feedforward_layernorm']) tensors[`${at}.${norm}.weight`] = weight([width], 0.1);
    const matrix = (name: string, outputs: number, inputs: number): void => void (tensors[`${at}.${name}.weight`] = weight([outputs, inputs], 1 / Math.sqrt(inputs)));
    matrix('self_attn.q_proj', heads * head, width);
    matrix('self_attn.k_proj', keyHeads * head, width);
    matrix('self_attn.v_proj', keyHeads * head, width);
    matrix('self_attn.o_proj', width, heads * head);
    matrix('mlp.gate_proj', hidden, width);
    matrix('mlp.up_proj', hidden, width);
    matrix('mlp.down_proj', width, hidden);
  }
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, { metadata: { format: 'pt' } });

  const own = bundledModel();
  const config = JSON.parse(await readFile(join(own, 'config.json'), 'utf8')) as Record<string, unknown>;
  const shape = { vocab_size: vocabulary, hidden_size: width, num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: keyHeads, head_dim: head, query_pre_attn_scalar: head, intermediate_size: hidden };
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, ...shape, dtype: 'float32', layer_types: ['sliding_attention', 'full_attention'], sliding_window: 16 }));

  for (const file of ['tokenizer_config.json', 'special_tokens_map.json']) await cp(join(own, file), join(folder, file));
  const tokenizer = JSON.parse(await readFile(join(own, 'tokenizer.json'), 'utf8')) as { readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly unknown[] } };
  const { vocab, merges } = tokenizer.model;
  // Ids are in the order of the merges, so the first tokens need nothing of the later ones.
  const kept = Object.fromEntries(Object.entries(vocab).filter(([, id]) => id < vocabulary));
  const model = { ...tokenizer.model, vocab: kept, merges: merges.slice(0, merges.length - (Object.keys(vocab).length - vocabulary)) };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ ...tokenizer, model }));
  return folder;
}
