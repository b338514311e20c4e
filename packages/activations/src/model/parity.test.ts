import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import type { LanguageModel, TokenRows } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLanguageModel } from './load-language-model.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
const FAMILIES = ['gemma2', 'gemma3_text', 'llama', 'qwen2', 'qwen3', 'gpt2', 'gpt_neox'];
const TOLERANCE = 1e-4;

interface Golden {
  readonly rows: TokenRows;
  readonly padded: TokenRows;
  tensor(name: string): Float32Array;
  readonly losses: Readonly<Record<string, number>>;
}

/** max |a - b| / max |b|, only where `counts` says so. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>, counts: (i: number) => boolean = () => true): number {
  expect(a.length).toBe(b.length);
  let error = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    if (!counts(i)) continue;
    error = Math.max(error, Math.abs((a[i] as number) - (b[i] as number)));
    size = Math.max(size, Math.abs(b[i] as number));
  }
  return error / size;
}

async function golden(folder: string): Promise<Golden> {
  const reader = await openSafetensors(join(folder, 'reference.safetensors'));
  const ids = await reader.readInt32('input_ids');
  const [rows, context] = ids.shape as [number, number];
  const mask = (await reader.readInt32('attention_mask_right_padded')).data;
  const losses = JSON.parse(await readFile(join(folder, 'reference.json'), 'utf8')) as Record<string, number>;
  const tensors = new Map<string, Float32Array>();
  for (const name of reader.names) if (!/^(input_ids|attention_mask)/.test(name)) tensors.set(name, (await reader.read(name)).data);
  await reader.close();
  return {
    rows: { rows, context, ids: ids.data, mask: new Uint8Array(ids.data.length).fill(1) },
    padded: { rows, context, ids: ids.data, mask: Uint8Array.from(mask) },
    tensor: (name) => tensors.get(name) ?? new Float32Array(),
    losses,
  };
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

beforeAll(async () => {
  await useBackend();
});

describe.each(FAMILIES)('%s against transformers', (family) => {
  const folder = join(FIXTURES, 'lm', family);
  let model: LanguageModel;
  let gold: Golden;

  beforeAll(async () => {
    model = await loadLanguageModel(folder);
    gold = await golden(folder);
  });
  afterAll(() => model.dispose());

  it('gives every hook, the logits and the losses', () => {
    const hooks = Array.from({ length: model.info.layers }, (_, i) =>
      ['resid_pre', 'attn_out', 'mlp_out', 'resid_post'].map((kind) => `${kind}.${i}`),
    ).flat();
    const result = model.forward(gold.rows, { hooks, logits: true, crossEntropy: true });
    for (const hook of hooks) {
      const name = hook.replace('_out.', '_out_raw.');
      expect(relativeError(result.activations[hook] ?? [], gold.tensor(name)), hook).toBeLessThan(TOLERANCE);
    }
    expect(relativeError(result.logits ?? [], gold.tensor('logits'))).toBeLessThan(TOLERANCE);
    expect(relativeError(result.crossEntropy ?? [], gold.tensor('ce_per_token'))).toBeLessThan(TOLERANCE);
  });

  it('masks padding on the right', () => {
    const { logits } = model.forward(gold.padded, { logits: true });
    const error = relativeError(logits ?? [], gold.tensor('logits_right_padded'));
    expect(error).toBeLessThan(TOLERANCE);
  });

  it('gives the four ablation losses', () => {
    const hook = `resid_post.${gold.losses['layer'] ?? 0}`;
    const keepFirst = Uint8Array.from(gold.rows.ids, (_, i) => (i % gold.rows.context === 0 ? 0 : 1));
    const scores = model.scoreEdits(gold.rows, [
      [{ kind: 'zero', hook }],
      [{ kind: 'mean', hook }],
      [{ kind: 'scale', hook, factor: 0.9 }],
      [{ kind: 'zero', hook, where: keepFirst }],
    ]);
    const got = [scores.clean, ...scores.variants.map((v) => v.crossEntropy)].map(mean);
    const expected = ['ce_clean', 'ce_zero_ablated', 'ce_mean_ablated', 'ce_scaled_0.9', 'ce_zero_ablated_keep_bos'].map(
      (name) => gold.losses[name] as number,
    );
    got.forEach((value, i) => expect(Math.abs(value / (expected[i] as number) - 1)).toBeLessThan(TOLERANCE));
  });

  it('leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    model.forward(gold.padded, { hooks: ['embed', 'attn_out.1'], logits: true, crossEntropy: true });
    model.scoreEdits(gold.padded, [[{ kind: 'resample', hook: 'mlp_out.1', seed: 1 }]]);
    // Rotary tables are made once per context length; the pass above had the same length as the ones before.
    expect(tf.memory().numTensors).toBe(before);
  });
});
