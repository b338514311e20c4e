import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { beforeAll, describe, expect, it } from 'vitest';
import { batchesOf, codesOf, constantAnchor, gaussianRows, identityAnchor } from '../anchors/anchors.js';
import { interval } from '../documents/estimate.js';
import { evaluateReconstruction } from '../reconstruction/evaluate-reconstruction.js';
import type { Reconstructor } from '../reconstruction/named-sae.js';
import { darkMatter } from './dark-matter.js';
import { withLinearError } from './with-linear-error.js';

const folder = join(import.meta.dirname, '../../test/fixtures/metrics');

function pointwise(width: number, fn: (x: Float32Array, rows: number) => Float32Array): Reconstructor {
  return { latents: 1, width, outWidth: width, run: (x, rows) => ({ codes: codesOf(new Float32Array(rows), rows, 1), recon: fn(x, rows) }) };
}

describe('darkMatter', () => {
  beforeAll(async () => void (await useBackend()));

  it('reproduces the least-squares decomposition of the fixture', async () => {
    const data = await openSafetensors(join(folder, 'data.safetensors'));
    const x = (await data.read('x')).data;
    const expected = (JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8')) as { dark_matter: Record<string, Record<string, number>> }).dark_matter;
    const docs = Array.from({ length: 768 }, (_, t) => `prompt-${Math.floor(t / 32)}`);
    for (const [name, tensor, intercept] of [
      ['no_bias', 'recon', false],
      ['with_bias', 'recon', true],
      ['recon_lin_no_bias', 'recon_lin', false],
      ['recon_lin_with_bias', 'recon_lin', true],
    ] as const) {
      const recon = (await data.read(tensor)).data;
      const rowOf = new Map(Array.from({ length: 768 }, (_, t) => [x.slice(t * 16, t * 16 + 16).join(), t]));
      const stored = pointwise(16, (batch, rows) => {
        const out = new Float32Array(rows * 16);
        for (let t = 0; t < rows; t++) {
          const at = (rowOf.get(batch.slice(t * 16, t * 16 + 16).join()) as number) * 16;
          out.set(recon.subarray(at, at + 16), t * 16);
        }
        return out;
      });
      const { saes, trainTokens, testTokens } = await darkMatter({
        saes: [{ name, sae: stored }],
        open: () => batchesOf({ width: 16, values: x, docs }, 100),
        split: { kind: 'first-rows', rows: 384 },
        ridge: 0,
        intercept,
      });
      expect([trainTokens, testTokens]).toEqual([384, 384]);
      const g = expected[name] as Record<string, number>;
      const value = (id: string): number => saes[0]?.metrics[id]?.value as number;
      expect(value('dark_r2_vector_mean@1'), name).toBeCloseTo(g['R2_heldout_mean_over_dims'] as number, 8);
      expect(value('dark_r2_vector_pooled@1'), name).toBeCloseTo(g['R2_heldout_pooled'] as number, 8);
      expect(value('dark_fvu@1'), name).toBeCloseTo(g['FVU_sae'] as number, 8);
      expect(value('dark_fvu_nonlinear@1'), name).toBeCloseTo(g['FVU_nonlinear'] as number, 8);
      expect(value('dark_fvu_linear@1'), name).toBeCloseTo(g['FVU_linear'] as number, 8);
      expect(value('dark_r2_norm@1'), name).toBeCloseTo(g['R2_heldout_error_norm_squared'] as number, 8);
      expect(saes[0]?.trainR2, name).toBeCloseTo(g['R2_train'] as number, 6);
    }
    await data.close();
  });

  it('finds a planted linear error and leaves planted noise to the nonlinear part', async () => {
    // e = A x + noise with known share: dimension 0..7 of x are missing at half their size, plus noise independent of x.
    const rows = gaussianRows({ rows: 6000, width: 16, documents: 120, seed: 3, offset: 1 });
    const noise = random(9);
    const noiseOf = new Map<string, Float32Array>();
    const planted = pointwise(16, (x, n) => {
      const out = new Float32Array(x.length);
      for (let t = 0; t < n; t++) {
        const row = x.subarray(t * 16, t * 16 + 16);
        const key = row.join();
        const own = noiseOf.get(key) ?? Float32Array.from({ length: 16 }, () => 0.3 * noise.normal());
        noiseOf.set(key, own);
        row.forEach((v, d) => (out[t * 16 + d] = (d < 8 ? 0.5 * v : v) + (own[d] as number)));
      }
      return out;
    });
    const open = (): ReturnType<typeof batchesOf> => batchesOf(rows, 500);
    const saes = [
      { name: 'planted', sae: planted },
      { name: 'identity', sae: identityAnchor(16) },
      { name: 'zero', sae: constantAnchor(new Float32Array(16)) },
    ];
    const result = await darkMatter({ saes, open });
    const [p, identity, zero] = result.saes;
    const variance = await evaluateReconstruction({ saes: [{ name: 'zero', sae: constantAnchor(new Float32Array(16)) }], batches: open(), replicates: 0 });
    const perToken = (variance.saes[0]?.metrics['mse@1']?.value as number) - 16;
    const truth = { linear: (8 * 0.25 * (perToken / 16)) / perToken, nonlinear: (16 * 0.09) / perToken };
    const nonlinear = interval(p?.metrics['dark_fvu_nonlinear@1'] as never);
    expect(nonlinear.value).toBeCloseTo(truth.nonlinear, 2);
    expect(nonlinear.low).toBeLessThan(nonlinear.value);
    // The mean of the missing part is the intercept's, not the variance's.
    expect(p?.metrics['dark_r2_vector_pooled@1']?.value).toBeCloseTo(truth.linear / (truth.linear + truth.nonlinear), 1);
    expect(zero?.metrics['dark_r2_vector_pooled@1']?.value).toBeCloseTo(1, 6);
    expect(zero?.metrics['dark_fvu_nonlinear@1']?.value).toBeCloseTo(0, 6);
    expect(identity?.metrics['dark_fvu@1']?.value).toBe(0);
    expect(result.trainTokens / 6000).toBeCloseTo(0.6, 1);

    const fixed = withLinearError(planted, result.fit, 'planted');
    const after = await evaluateReconstruction({ saes: [{ name: 'fixed', sae: fixed }], batches: open(), replicates: 0 });
    expect(after.saes[0]?.metrics['fvu_pooled@1']?.value).toBeCloseTo(truth.nonlinear, 2);
    expect(() => withLinearError(planted, result.fit, 'other')).toThrow(/No linear error/);
  });

  it('gives the same in float32 products and in any batch size and document order', async () => {
    const rows = gaussianRows({ rows: 2000, width: 24, documents: 50, seed: 5, offset: 20 });
    const sae = pointwise(24, (x) => x.map((v, i) => 0.8 * v + 0.1 * Math.tanh(v - (x[i - (i % 24)] as number))));
    const saes = [{ name: 's', sae }];
    const a = await darkMatter({ saes, open: () => batchesOf(rows, 128), engine: 'float64' });
    const b = await darkMatter({ saes, open: () => batchesOf(rows, 300), engine: 'float32' });
    const c = await darkMatter({ saes, open: () => [...batchesOf(rows, 128)].reverse(), engine: 'float64' });
    expect([a.engine, b.engine]).toEqual(['float64', 'float32']);
    for (const [id, sampled] of Object.entries(a.saes[0]?.metrics ?? {})) {
      expect(b.saes[0]?.metrics[id]?.value, id).toBeCloseTo(sampled.value, 4);
      expect(c.saes[0]?.metrics[id]?.value, id).toBeCloseTo(sampled.value, 9);
      expect(interval(b.saes[0]?.metrics[id] as never).low).toBeCloseTo(interval(sampled).low as number, 3);
    }
  });

  it('can keep documents whole, drop first positions, and refuses too little text', async () => {
    const rows = gaussianRows({ rows: 1000, width: 4, documents: 20, seed: 6 });
    const saes = [{ name: 's', sae: pointwise(4, (x) => x.map((v) => 0.5 * v)) }];
    const open = (): ReturnType<typeof batchesOf> => batchesOf(rows, 1000);
    const whole = await darkMatter({ saes, open, split: { kind: 'document-hash', train: 0.5 } });
    expect(whole.trainTokens % 50).toBe(0);
    expect(whole.documents).toBe(whole.testTokens / 50);
    const late = await darkMatter({ saes, open, minPosition: 400 });
    expect(late.trainTokens + late.testTokens).toBe(600);
    await expect(darkMatter({ saes, open: () => batchesOf(gaussianRows({ rows: 4, width: 4, documents: 1, seed: 1 }), 4) })).rejects.toThrow(/Too few tokens/);
    await expect(darkMatter({ saes, open, split: { kind: 'first-rows', rows: 1000 } })).rejects.toThrow(/No token was left/);
  });

  it('leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const rows = gaussianRows({ rows: 300, width: 4, documents: 9, seed: 6 });
    await darkMatter({ saes: [{ name: 's', sae: constantAnchor(new Float32Array(4)) }], open: () => batchesOf(rows, 50), engine: 'float32' });
    expect(tf.memory().numTensors).toBe(before);
  });
});
