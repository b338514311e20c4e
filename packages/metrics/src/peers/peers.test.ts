import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { batchesOf, codesOf } from '../anchors/anchors.js';
import { evaluateReconstruction } from '../reconstruction/evaluate-reconstruction.js';
import { openSae } from '@salmon-sae/sae-core';
import { descriptionLength } from '../description/description-length.js';
import type { PeerBatch } from './batch-moments.js';
import { dictionaryLearningMetrics } from './dictionary-learning.js';
import { saebenchMetrics, saelensMetrics } from './saelens.js';

const folder = join(import.meta.dirname, '../../test/fixtures/metrics');

interface Golden {
  readonly x: Float32Array;
  readonly recon: Float32Array;
  readonly acts: Float32Array;
  readonly density: Float32Array;
  readonly expected: Record<string, Record<string, number>>;
}

async function golden(): Promise<Golden> {
  const data = await openSafetensors(join(folder, 'data.safetensors'));
  const weights = await openSafetensors(join(folder, 'sae/sae_weights.safetensors'));
  const read = async (file: typeof data, name: string): Promise<Float32Array> => (await file.read(name)).data;
  const x = await read(data, 'x');
  const acts = topKCodes(x, {
    W_enc: await read(weights, 'W_enc'),
    W_dec: await read(weights, 'W_dec'),
    b_enc: await read(weights, 'b_enc'),
    b_dec: await read(weights, 'b_dec'),
  });
  const recon = await read(data, 'recon');
  const density = await read(data, 'feature_density');
  await data.close();
  await weights.close();
  const expected = JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8')) as Golden['expected'];
  return { x, recon, acts, density, expected };
}

/** The fixture's TopK SAE (k = 6, activations rescaled by the decoder norm), in plain float64 loops. */
function topKCodes(x: Float32Array, w: Record<'W_enc' | 'W_dec' | 'b_enc' | 'b_dec', Float32Array>): Float32Array {
  const rows = x.length / 16;
  const out = new Float32Array(rows * 64);
  const norms = Array.from({ length: 64 }, (_, f) => Math.hypot(...w.W_dec.subarray(f * 16, f * 16 + 16)));
  for (let t = 0; t < rows; t++) {
    const pre = norms.map((norm, f) => {
      let sum = w.b_enc[f] as number;
      for (let d = 0; d < 16; d++) sum += ((x[t * 16 + d] as number) - (w.b_dec[d] as number)) * (w.W_enc[d * 64 + f] as number);
      return sum * norm;
    });
    const top = [...pre.keys()].sort((a, b) => (pre[b] as number) - (pre[a] as number)).slice(0, 6);
    for (const f of top) out[t * 64 + f] = Math.max(0, pre[f] as number);
  }
  return out;
}

let g: Golden;

function peerBatches(size: number): readonly PeerBatch[] {
  return Array.from({ length: 768 / size }, (_, b) => ({
    rows: size,
    width: 16,
    x: g.x.slice(b * size * 16, (b + 1) * size * 16),
    recon: g.recon.slice(b * size * 16, (b + 1) * size * 16),
    codes: codesOf(g.acts.slice(b * size * 64, (b + 1) * size * 64), size, 64),
  }));
}

function expectClose(actual: Readonly<Record<string, number>>, expected: Record<string, number> | undefined): void {
  for (const [key, value] of Object.entries(expected ?? {})) {
    expect(Math.abs((actual[key] as number) - value) / Math.max(1, Math.abs(value)), key).toBeLessThan(1e-6);
  }
}

describe('values that the Python peers print', () => {
  beforeAll(async () => {
    await useBackend();
    g = await golden();
  });

  it('reproduces SAELens, SAEBench and dictionary_learning in their own batches', () => {
    const cases = [
      ['saelens_6_45_3', saelensMetrics(), 128],
      ['saebench_0_6_0', saebenchMetrics(), 128],
      ['dictionary_learning_evaluate_6_batches_of_128', dictionaryLearningMetrics(), 128],
      ['dictionary_learning_evaluate_whole_set', dictionaryLearningMetrics(), 768],
    ] as const;
    for (const [name, metrics, size] of cases) {
      for (const batch of peerBatches(size)) metrics.add(batch);
      expect(Object.keys(g.expected[name] ?? {}).length, name).toBeGreaterThan(5);
      expectClose(metrics.value(), g.expected[name]);
    }
  });

  it('agrees with the float64 references and sparsify in one streaming pass', async () => {
    const docs = Array.from({ length: 768 }, (_, t) => `prompt-${Math.floor(t / 32)}`);
    const batches = batchesOf({ width: 16, values: g.x, docs }, 100);
    let at = 0;
    const stored = {
      latents: 64,
      width: 16,
      outWidth: 16,
      run: (_: Float32Array, rows: number) => {
        const from = at;
        at += rows;
        return {
          codes: codesOf(g.acts.slice(from * 64, at * 64), rows, 64),
          recon: g.recon.slice(from * 16, at * 16),
        };
      },
    };
    const { saes } = await evaluateReconstruction({ saes: [{ name: 'topk', sae: stored }], batches, replicates: 0 });
    const value = (id: string): number => saes[0]?.metrics[id]?.value as number;
    const reference = g.expected['reference_float64'] as Record<string, number>;
    expect(value('fve_pooled@1')).toBeCloseTo(reference['ev_R2_total'] as number, 12);
    expect(value('fve_residual_variance@1')).toBeCloseTo(reference['ev_dictlearn_var_of_residual'] as number, 12);
    expect(value('fve_token@1')).toBeCloseTo(reference['ev_mean_per_token_ratio_legacy'] as number, 12);
    expect(value('mse@1')).toBeCloseTo(reference['mse_sum_over_dims_mean_tokens'] as number, 12);
    expect(value('mse_element@1')).toBeCloseTo(reference['mse_mean_over_all_elements'] as number, 12);
    expect(value('cosine@1')).toBeCloseTo(reference['cosine_mean'] as number, 12);
    expect(value('l0@1')).toBe(6);
    expect(value('fvu_pooled@1')).toBeCloseTo(g.expected['sparsify_fvu_whole_set'] as unknown as number, 6);
    saes[0]?.latents.counts.forEach((count, i) => expect(count / 768).toBeCloseTo(g.density[i] as number, 6));
    expect(saes[0]?.metrics['fve_pooled@1']?.samples.length).toBe(0);
  });

  it('gives the same numbers for the stored SAE when it is opened and run', async () => {
    const weights = await openSafetensors(join(folder, 'sae/sae_weights.safetensors'));
    const tensors = await Promise.all(['W_enc', 'W_dec', 'b_enc', 'b_dec'].map(async (name) => [name, await weights.read(name)] as const));
    await weights.close();
    const sae = openSae({
      config: { kind: 'topk', k: 6, rescale_acts_by_decoder_norm: true, apply_b_dec_to_input: true },
      weights: Object.fromEntries(tensors),
      scale: 1,
      site: { model: 'fixture', hook: 'resid_post.0', width: 16 },
      trained: { tokens: 0, steps: 0, seed: 0, versions: {}, facts: {} },
    });
    const docs = Array.from({ length: 768 }, (_, t) => `prompt-${Math.floor(t / 32)}`);
    const open = (): ReturnType<typeof batchesOf> => batchesOf({ width: 16, values: g.x, docs }, 200);
    const { saes } = await evaluateReconstruction({ saes: [{ name: 'topk', sae }], batches: open() });
    const reference = g.expected['reference_float64'] as Record<string, number>;
    expect(saes[0]?.metrics['fve_pooled@1']?.value).toBeCloseTo(reference['ev_R2_total'] as number, 6);
    expect(saes[0]?.metrics['l0@1']?.value).toBe(6);
    const { bits, boundBits } = await descriptionLength(sae, open, { replicates: 50 });
    expect(bits.value).toBeGreaterThan(6);
    expect(bits.value).toBeLessThan(boundBits);
    sae.dispose();
  });
});
