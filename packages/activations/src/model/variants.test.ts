import { join } from 'node:path';
import { useBackend } from '@salmon-sae/compute';
import type { TokenRows } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadLanguageModel } from './load-language-model.js';

/** Unusual configurations, made by tools/fixtures/lm_variants.py with transformers. */
const VARIANTS = join(import.meta.dirname, '../../test/fixtures/variants');
const NAMES = [
  'gemma2-old-bf16-sharded',
  'gemma2-long',
  'gemma3-old',
  'llama3-scaling',
  'llama3-old-f16',
  'qwen2-window',
  'qwen3-untied-bias',
  'neox-sequential',
  'neox-old-parallel',
  'gpt2-scaled-bare',
];

beforeAll(async () => {
  await useBackend();
});

describe.each(NAMES)('%s', (name) => {
  it('agrees with transformers at every stored hook', async () => {
    const folder = join(VARIANTS, name);
    const reader = await openSafetensors(join(folder, 'reference.safetensors'));
    const ids = await reader.readInt32('input_ids');
    const mask = await reader.readInt32('attention_mask');
    const [rows, context] = ids.shape as [number, number];
    const tokens: TokenRows = { rows, context, ids: ids.data, mask: Uint8Array.from(mask.data) };
    const hooks = reader.names.filter((n) => /^(embed|resid|attn|mlp)/.test(n));
    expect(hooks.length).toBe(9);
    const model = await loadLanguageModel(folder);
    const result = model.forward(tokens, { hooks, logits: true, crossEntropy: true });
    const values = { ...result.activations, logits: result.logits, ce_per_token: result.crossEntropy };
    for (const [hook, got] of Object.entries(values)) {
      const expected = (await reader.read(hook)).data;
      const perPosition = hook === 'ce_per_token' ? 1 : expected.length / (rows * context);
      const real = (i: number): boolean => hook === 'ce_per_token' || mask.data[Math.floor(i / perPosition)] === 1;
      let error = 0;
      let size = 0;
      expected.forEach((value, i) => {
        if (!real(i)) return;
        error = Math.max(error, Math.abs(value - (got?.[i] as number)));
        size = Math.max(size, Math.abs(value));
      });
      expect(error / size, hook).toBeLessThan(1e-4);
    }
    expect(Object.keys(values).length).toBe(11);
    model.dispose();
    await reader.close();
  });
});
