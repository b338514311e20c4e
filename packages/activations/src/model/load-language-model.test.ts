import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import type { Tokenizer } from '@salmon-sae/dataflow';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadLanguageModel } from './load-language-model.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures/lm');
const tokens = { rows: 1, context: 4, ids: Int32Array.of(2, 5, 9, 7), mask: Uint8Array.of(1, 1, 1, 1) };

describe('loadLanguageModel', () => {
  let folder: string;

  beforeAll(async () => {
    await useBackend();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'model-'));
    await cp(join(FIXTURES, 'llama'), folder, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function change(edit: (config: Record<string, unknown>) => void): Promise<void> {
    const path = join(folder, 'config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    edit(config);
    await writeFile(path, JSON.stringify(config));
  }

  it.each([
    ['an unknown architecture', { model_type: 'mamba' }, /Model type "mamba" is not supported.*gemma2.*gpt_neox/],
    ['a missing field', { rms_norm_eps: undefined }, /"rms_norm_eps" is missing.*config.json/],
    ['a field of the wrong kind', { num_hidden_layers: 'three' }, /"num_hidden_layers" has a wrong value.*"three"/],
    ['a size that is not whole', { num_attention_heads: 2.5 }, /positive integer/],
    ['tensors of another shape', { intermediate_size: 64 }, /layers.0.mlp.gate_proj.weight" has another shape.*\[64, 32\].*\[88, 32\]/s],
    ['more layers than weights', { num_hidden_layers: 4 }, /lack tensor "layers.3.input_layernorm.weight"/],
    ['an unknown activation', { hidden_act: 'mish' }, /"mish" is not supported/],
    ['unknown rotary scaling', { rope_parameters: { rope_type: 'yarn', rope_theta: 1, factor: 2 } }, /"yarn" is not supported/],
    ['an unknown layer type', { model_type: 'gemma2', head_dim: 8, sliding_window: 4, layer_types: ['linear', 'linear', 'linear'] }, /unknown kind of attention/],
    ['quantised weights', { quantization_config: { bits: 4 } }, /Quantised weights/],
    ['bidirectional attention', { use_bidirectional_attention: true }, /Bidirectional attention/],
    ['heads that do not share keys evenly', { num_attention_heads: 4, num_key_value_heads: 3 }, /multiple of/],
  ])('refuses %s', async (_, fields, message) => {
    await change((config) => Object.assign(config, fields));
    const before = tf.memory().numTensors;
    await expect(loadLanguageModel(folder)).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses folders without a model, and files cut short', async () => {
    await expect(loadLanguageModel(tmpdir())).rejects.toThrow(/no readable config.json/);
    const weights = join(folder, 'model.safetensors');
    const bytes = await readFile(weights);
    await writeFile(weights, bytes.subarray(0, bytes.length - 100));
    await expect(loadLanguageModel(folder)).rejects.toMatchObject({ code: 'bad-file' });
    await rm(weights);
    await expect(loadLanguageModel(folder)).rejects.toMatchObject({ code: 'missing-file' });
    await writeFile(join(folder, 'config.json'), '{');
    await expect(loadLanguageModel(folder)).rejects.toThrow(/not valid JSON/);
  });

  it('refuses a tokenizer larger than the embedding', async () => {
    const tokenizer = { vocabulary: 300, hash: 'x', specials: new Set([299]) as ReadonlySet<number> } as Tokenizer;
    await expect(loadLanguageModel(folder, { tokenizer })).rejects.toThrow(/more tokens than the model has embeddings.*257.*300/s);
    const fits = { vocabulary: 258, hash: 'x', specials: new Set([257]) as ReadonlySet<number> } as Tokenizer;
    const model = await loadLanguageModel(folder, { tokenizer: fits });
    expect(model.tokenizer).toBe(fits);
    model.dispose();
  });

  it('loads from the cache of the hub', async () => {
    const commit = 'b'.repeat(40);
    const cacheDir = join(folder, 'cache');
    await cp(join(FIXTURES, 'llama'), join(cacheDir, 'models--org--tiny/snapshots', commit), { recursive: true });
    const model = await loadLanguageModel(`hf:org/tiny@${commit}`, { hub: { offline: true, cacheDir } });
    expect(model.info.id).toBe(`org/tiny@${commit}`);
    model.dispose();
  });

  it('does without a tokenizer until one is asked for', async () => {
    const model = await loadLanguageModel(folder);
    expect(() => model.tokenizer).toThrow(/has no tokenizer/);
    model.dispose();
  });

  it('loads no more than a hook needs', async () => {
    const whole = await loadLanguageModel(folder);
    const part = await loadLanguageModel(folder, { until: 'resid_post.0', id: 'part' });
    expect(part.info.parameters).toBeLessThan(whole.info.parameters / 2);
    expect(part.info.hash).toBe(whole.info.hash);
    const request = { hooks: ['resid_post.0'] };
    expect(part.forward(tokens, request).activations).toEqual(whole.forward(tokens, request).activations);
    expect(() => part.forward(tokens, { hooks: ['resid_pre.1'] })).toThrow(/beyond the part.*layer from 0 to 0/s);
    expect(() => part.forward(tokens, { logits: true })).toThrow(/loaded only in part/);
    whole.dispose();
    part.dispose();
  });

  it('refuses token rows that the model cannot take', async () => {
    const model = await loadLanguageModel(folder);
    const request = { hooks: ['embed'] };
    expect(() => model.forward({ ...tokens, ids: Int32Array.of(2, 5, 257, 7) }, request)).toThrow(/outside the vocabulary.*position 2.*257/s);
    expect(() => model.forward({ ...tokens, context: 5 }, request)).toThrow(/do not fill their shape/);
    const long = { rows: 1, context: 129, ids: new Int32Array(129), mask: new Uint8Array(129).fill(1) };
    expect(() => model.forward(long, request)).toThrow(/longer than the context.*128/s);
    model.dispose();
    expect(() => model.forward(tokens, request)).toThrow(/was disposed/);
  });

  it('frees every tensor', async () => {
    const before = tf.memory().numTensors;
    const model = await loadLanguageModel(folder);
    model.forward(tokens, { logits: true });
    model.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
