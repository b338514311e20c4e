import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { ActivationBatch, SaeState } from '@salmon-sae/dataflow';
import { denseCodes, loadSae, openSae, saveSae, train } from '@salmon-sae/sae-core';
import type { DoneEvent, Sae } from '@salmon-sae/sae-core';
import { filter, from, lastValueFrom } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { boosted } from './boosted.js';
import { silentRow, sliceLatents } from './codes.js';
import { residualOf } from './residual-of.js';
import { residualRecipe } from './residual-recipe.js';
import { stitch } from './stitch.js';

/** 24 orthonormal features: 0-15 occur everywhere, 16-19 in domain A only, 20-23 in domain B only. */
const width = 24;
const broadFeatures = 16;
const site = { model: 'planted', hook: 'resid_post.0', width };
const features = orthonormal(width);

type Text = 'broad' | 'a' | 'b';
const extra: Readonly<Record<Text, readonly number[]>> = { broad: [], a: [16, 17, 18, 19], b: [20, 21, 22, 23] };

function orthonormal(n: number): readonly Float64Array[] {
  const generator = random(1, 'features');
  const basis: Float64Array[] = [];
  while (basis.length < n) {
    const v = Float64Array.from({ length: n }, () => generator.normal());
    for (const u of basis) {
      const along = v.reduce((sum, x, i) => sum + x * u[i]!, 0);
      for (let i = 0; i < n; i++) v[i]! -= along * u[i]!;
    }
    const norm = Math.hypot(...v);
    basis.push(v.map((x) => x / norm));
  }
  return basis;
}

function batch(text: Text, seed: number, rows = 256): ActivationBatch {
  const generator = random(seed, 'rows', text);
  const values = new Float32Array(rows * width);
  const add = (row: number, feature: number, size: number): void => {
    for (let i = 0; i < width; i++) values[row * width + i]! += size * features[feature]![i]!;
  };
  for (let row = 0; row < rows; row++) {
    for (let f = 0; f < broadFeatures; f++) if (generator.next() < 0.12) add(row, f, 1 + generator.next());
    for (const f of extra[text]) if (generator.next() < 0.4) add(row, f, 1 + generator.next());
    for (let i = 0; i < width; i++) values[row * width + i]! += 0.02 * generator.normal();
  }
  const zeros = new Int32Array(rows);
  return { site, rows, values, origin: { tokenId: zeros, position: zeros, doc: zeros, docs: [text], domains: [text] }, cursor: { source: text, shard: 0, row: rows } };
}

/** Knows the broad features and nothing else. */
const base: SaeState = {
  config: { kind: 'jumprelu', apply_b_dec_to_input: false },
  weights: {
    W_enc: { shape: [width, broadFeatures], data: Float32Array.from({ length: width * broadFeatures }, (_, i) => features[i % broadFeatures]![Math.floor(i / broadFeatures)]!) },
    b_enc: { shape: [broadFeatures], data: new Float32Array(broadFeatures) },
    W_dec: { shape: [broadFeatures, width], data: Float32Array.from({ length: width * broadFeatures }, (_, i) => features[Math.floor(i / width)]![i % width]!) },
    b_dec: { shape: [width], data: new Float32Array(width) },
    threshold: { shape: [broadFeatures], data: new Float32Array(broadFeatures).fill(0.5) },
  },
  scale: 1,
  site,
  trained: { tokens: 0, steps: 0, seed: 0, versions: {}, facts: {} },
};

async function residualFor(text: Text, sae: Sae, seed = 0): Promise<SaeState> {
  const config = { ...residualRecipe.sae, latents: 8, k: 1.6 };
  const stream = from(Array.from({ length: 500 }, (_, step) => batch(text, 100 + step)));
  const spec = { sae: config, training: { steps: 500, batch: 256, learningRate: 5e-3, seed } };
  const done = await lastValueFrom(stream.pipe(residualOf(sae), train(spec), filter((event) => event.kind === 'done')));
  return (done as DoneEvent).state;
}

/** 1 - sum |x - xhat|^2 / sum |x - mean x|^2 */
function fve(sae: Sae, { values, rows }: ActivationBatch): number {
  const { recon } = sae.run(values, rows);
  const mean = Float64Array.from({ length: width }, (_, d) => values.reduce((sum, v, i) => (i % width === d ? sum + v : sum), 0) / rows);
  let error = 0;
  let total = 0;
  values.forEach((v, i) => {
    error += (v - recon[i]!) ** 2;
    total += (v - mean[i % width]!) ** 2;
  });
  return 1 - error / total;
}

function bestCosine(state: SaeState, feature: number): number {
  const { shape, data } = state.weights['W_dec']!;
  return Math.max(
    ...Array.from({ length: shape[0]! }, (_, f) => {
      const row = data.subarray(f * width, (f + 1) * width);
      return row.reduce((sum, v, i) => sum + v * features[feature]![i]!, 0) / (Math.hypot(...row) || 1);
    }),
  );
}

describe('boosting on data whose features are known', () => {
  let frozen: Sae;
  let stateA: SaeState;
  let stateB: SaeState;

  beforeAll(async () => {
    await useBackend();
    frozen = openSae(base);
    stateA = await residualFor('a', frozen);
    stateB = await residualFor('b', frozen);
  });

  it('recovers the domain features that the base misses', () => {
    for (const feature of extra.a) expect(bestCosine(stateA, feature)).toBeGreaterThan(0.95);
    for (const feature of extra.b) expect(bestCosine(stateA, feature)).toBeLessThan(0.5);
    expect(stateA.weights['b_dec']?.data.every((v) => v === 0) ?? true).toBe(true);
    expect(stateA.config.kind).toBe('jumprelu');
  });

  it('gains on its domain and leaves broad text within 1%, most of it bit for bit', () => {
    const both = boosted(frozen, [openSae(stateA)]);
    const domain = batch('a', 7, 2000);
    const broad = batch('broad', 8, 2000);
    expect(fve(frozen, domain)).toBeLessThan(0.6);
    expect(fve(both, domain)).toBeGreaterThan(0.95);
    expect(Math.abs(fve(both, broad) - fve(frozen, broad))).toBeLessThan(0.01);
    const { codes, recon } = both.run(broad.values, broad.rows);
    const own = frozen.run(broad.values, broad.rows).recon;
    const added = sliceLatents(codes, broadFeatures, both.latents);
    const silent = Array.from({ length: broad.rows }, (_, row) => row).filter((row) => silentRow(added, row));
    expect(silent.length / broad.rows).toBeGreaterThan(0.9);
    for (const row of silent) expect(recon.subarray(row * width, (row + 1) * width)).toEqual(own.subarray(row * width, (row + 1) * width));
  });

  it('sums residual SAEs of two domains without one hurting the other', () => {
    const ensemble = boosted(frozen, [openSae(stateA), openSae(stateB)]);
    for (const text of ['a', 'b'] as const) {
      const held = batch(text, 9, 2000);
      expect(fve(ensemble, held)).toBeGreaterThan(0.95);
      expect(fve(ensemble, held) - fve(frozen, held)).toBeGreaterThan(0.3);
    }
  });

  it('becomes one SAELens SAE that gives the same codes and reconstruction after saving and loading', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stitched-'));
    try {
      await saveSae(stitch(base, [stateA, stateB]), folder);
      const one = openSae(await loadSae(folder));
      const ensemble = boosted(frozen, [openSae(stateA), openSae(stateB)]);
      const { values, rows } = batch('a', 10, 500);
      const expected = ensemble.run(values, rows);
      const got = one.run(values, rows);
      const worst = (a: Float32Array, b: Float32Array): number => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
      expect(got.codes.latents).toBe(broadFeatures + 16);
      expect(worst(denseCodes(got.codes), denseCodes(expected.codes))).toBeLessThan(1e-5);
      expect(worst(got.recon, expected.recon)).toBeLessThan(1e-5);
      one.dispose();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
