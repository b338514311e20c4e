import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import type { LanguageModel, TokenRows } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLanguageModel } from './load-language-model.js';

const MINNOW = join(import.meta.dirname, '../../../../datasets/minnow');
const REFERENCE = join(import.meta.dirname, '../../test/fixtures/minnow');

describe('minnow', () => {
  let model: LanguageModel;
  let rows: TokenRows;
  const gold: Record<string, Float32Array> = {};

  beforeAll(async () => {
    await useBackend();
    model = await loadLanguageModel(MINNOW);
    const reader = await openSafetensors(join(REFERENCE, 'reference.safetensors'));
    const ids = await reader.readInt32('input_ids');
    const mask = await reader.readInt32('attention_mask');
    rows = { rows: ids.shape[0] as number, context: ids.shape[1] as number, ids: ids.data, mask: Uint8Array.from(mask.data) };
    for (const name of ['resid_pre.0', 'resid_post.4', 'logits_last']) gold[name] = (await reader.read(name)).data;
    await reader.close();
  });
  afterAll(() => model.dispose());

  /** Largest difference over real positions, relative to the largest value. */
  function error(got: Float32Array, expected: Float32Array): number {
    const width = expected.length / rows.mask.length;
    let difference = 0;
    let size = 0;
    expected.forEach((value, i) => {
      if (rows.mask[Math.floor(i / width)] !== 1) return;
      difference = Math.max(difference, Math.abs(value - (got[i] as number)));
      size = Math.max(size, Math.abs(value));
    });
    return difference / size;
  }

  it('agrees with transformers', () => {
    const { activations, logits } = model.forward(rows, { hooks: ['resid_pre.0', 'resid_post.4'], logits: true });
    for (const hook of ['resid_pre.0', 'resid_post.4']) {
      expect(error(activations[hook] as Float32Array, gold[hook] as Float32Array), hook).toBeLessThan(1e-4);
    }
    const v = model.info.vocabulary;
    let difference = 0;
    for (let row = 0; row < rows.rows; row++) {
      const last = rows.mask.subarray(row * rows.context, (row + 1) * rows.context).lastIndexOf(1);
      for (let j = 0; j < v; j++) {
        const got = logits?.[(row * rows.context + last) * v + j] as number;
        difference = Math.max(difference, Math.abs(got - (gold['logits_last']?.[row * v + j] as number)));
      }
    }
    expect(difference).toBeLessThan(30 * 1e-4);
  });

  it('comes with its tokenizer', async () => {
    const { texts, ids } = JSON.parse(await readFile(join(REFERENCE, 'reference.json'), 'utf8')) as { texts: string[]; ids: number[][] };
    texts.forEach((text, i) => expect([2, ...model.tokenizer.encode(text)]).toEqual(ids[i]));
    expect(model.info).toMatchObject({ id: 'minnow', family: 'gemma2', layers: 6, width: 192, vocabulary: 8192, context: 256, parameters: 4_821_696 });
  });

  it('names the tokens that a direction promotes', () => {
    const id = model.tokenizer.encode(' disease')[0] as number;
    const before = tf.memory().numTensors;
    const { activations } = model.forward({ rows: 1, context: 1, ids: Int32Array.of(id), mask: Uint8Array.of(1) }, { hooks: ['embed'] });
    const direction = activations['embed'] as Float32Array;
    const both = Float32Array.from([...direction, ...direction.map((value) => -value)]);
    const [up, down] = model.logitEffects(both, 2, 5);
    expect(up?.promoted.length).toBe(5);
    expect(up?.promoted.map((effect) => effect.id)).toContain(id);
    expect(up?.promoted.map((e) => e.value)).toEqual([...(up?.promoted ?? [])].map((e) => e.value).sort((a, b) => b - a));
    down?.suppressed.forEach((effect, i) => {
      expect(effect.id).toBe(up?.promoted[i]?.id);
      expect(effect.value).toBeCloseTo(-(up?.promoted[i]?.value as number), 4);
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(() => model.logitEffects(direction, 2, 5)).toThrow(/width of the residual stream/);
  });

  it('runs its products in bfloat16 on request', async () => {
    const low = await loadLanguageModel(MINNOW, { precision: 'bf16' });
    const { activations } = low.forward(rows, { hooks: ['resid_post.4'] });
    const difference = error(activations['resid_post.4'] as Float32Array, gold['resid_post.4'] as Float32Array);
    expect(difference).toBeLessThan(0.03);
    const full = model.forward(rows, { crossEntropy: true }).crossEntropy as Float32Array;
    const { crossEntropy } = low.forward(rows, { crossEntropy: true });
    const mean = (x: Float32Array | undefined): number => (x ?? full).reduce((a, b) => a + b, 0) / rows.mask.length;
    expect(Math.abs(mean(crossEntropy) / mean(full) - 1)).toBeLessThan(0.01);
    if (tf.getBackend() === 'tensorflow') expect(difference).toBeGreaterThan(1e-5);
    low.dispose();
  });
});
