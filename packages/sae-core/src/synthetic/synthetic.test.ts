import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import fc from 'fast-check';
import { lastValueFrom, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { denseCodes } from '../inference/csr-builder.js';
import { openSae } from '../inference/open-sae.js';
import { assign } from './assignment.js';
import { groundTruth } from './ground-truth.js';
import type { GroundTruth } from './ground-truth.js';
import { randomState } from './random-state.js';
import { recovery } from './recovery.js';
import { sampleTruth, syntheticBatch, syntheticBatches } from './sample-truth.js';

beforeAll(async () => {
  await useBackend();
});

const truth = groundTruth({ width: 64, features: 40, seed: 1 });

describe('groundTruth', () => {
  it('has unit directions, orthonormal circles and the structures asked for', () => {
    for (let i = 0; i < 40; i++) expect(Math.hypot(...truth.directions.subarray(64 * i, 64 * (i + 1)))).toBeCloseTo(1, 5);
    const [u, v] = [truth.circles.subarray(0, 64), truth.circles.subarray(64, 128)];
    expect(u.reduce((sum, value, i) => sum + value * (v[i] as number), 0)).toBeCloseTo(0, 5);
    expect([...truth.parent].filter((p) => p >= 0).length).toBe(12);
    expect(truth.pairs.length).toBe(4);
    expect(() => groundTruth({ width: 8, features: 10 })).toThrow(/too few features/);
  });
});

describe('sampleTruth', () => {
  const sample = sampleTruth(truth, 4000, 2);
  const active = denseCodes(sample.codes);
  const on = (row: number, i: number): boolean => (active[row * 40 + i] as number) > 0;

  it('keeps the hierarchy: a child implies its parent, siblings exclude each other', () => {
    let children = 0;
    for (let row = 0; row < sample.rows; row++) {
      for (let p = 0; p < 4; p++) {
        const born = [0, 1, 2].filter((c) => on(row, 4 + 3 * p + c)).length;
        expect(born).toBeLessThanOrEqual(on(row, p) ? 1 : 0);
        children += born;
      }
    }
    expect(children).toBeGreaterThan(100);
  });

  it('correlates the pairs and follows the probabilities elsewhere', () => {
    for (const [first, second] of truth.pairs) {
      const rows = Array.from({ length: sample.rows }, (_, row) => row).filter((row) => on(row, first));
      expect(rows.filter((row) => on(row, second)).length / rows.length).toBeGreaterThan(0.7);
    }
    for (const i of [0, 25, 39]) {
      const share = Array.from({ length: sample.rows }, (_, row) => on(row, i)).filter(Boolean).length / sample.rows;
      expect(Math.abs(share - (truth.probability[i] as number))).toBeLessThan(0.03);
    }
  });

  it('is the sum of its parts where there is nothing else, and depends on the seed only', () => {
    const bare = groundTruth({ width: 16, features: 20, parents: 1, children: 2, pairs: 1, circles: 0, dense: 0, products: 0, noise: 0 });
    const { values, codes } = sampleTruth(bare, 50, 3);
    const f = denseCodes(codes);
    for (let row = 0; row < 50; row++) {
      for (let d = 0; d < 16; d++) {
        let sum = 0;
        for (let i = 0; i < 20; i++) sum += (f[row * 20 + i] as number) * (bare.directions[i * 16 + d] as number);
        expect(values[row * 16 + d]).toBeCloseTo(sum, 4);
      }
    }
    expect(sampleTruth(bare, 50, 3).values).toEqual(values);
    expect(sampleTruth(bare, 50, 4).values).not.toEqual(values);
  });

  it('comes as batches that do not depend on what was drawn before', async () => {
    const batches = await lastValueFrom(syntheticBatches(truth, { rows: 32, batches: 3, seed: 9 }).pipe(toArray()));
    expect(batches.length).toBe(3);
    expect(syntheticBatch(truth, { rows: 32, seed: 9, batch: 2 })).toEqual(batches[2]);
    expect(batches[0]?.site.width).toBe(64);
  });
});

describe('assign', () => {
  it('finds the best total of small problems', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 2 }), fc.nat(), (rows, extra, seed) => {
        const columns = rows + extra;
        const draw = random(seed);
        const value = Float64Array.from({ length: rows * columns }, () => draw.normal());
        const total = (choice: readonly number[]): number => choice.reduce((sum, column, row) => sum + (value[row * columns + column] as number), 0);
        const best = (row: number, used: readonly number[]): number =>
          row === rows ? 0 : Math.max(...Array.from({ length: columns }, (_, c) => c).filter((c) => !used.includes(c)).map((c) => (value[row * columns + c] as number) + best(row + 1, [...used, c])));
        const found = [...assign(value, rows, columns)];
        expect(new Set(found).size).toBe(rows);
        expect(total(found)).toBeCloseTo(best(0, []), 9);
      }),
      { numRuns: 200, seed: 7 },
    );
  });
});

/** The SAE that knows the truth: encoder by pseudo-inverse, so that activations come out exactly where features are independent. */
function oracle(known: GroundTruth, decoder: Float32Array): SaeState {
  const { width, features } = known.config;
  const state = randomState('jumprelu', { width, latents: features });
  const W_enc = new Float32Array(width * features);
  for (let i = 0; i < features; i++) for (let d = 0; d < width; d++) W_enc[d * features + i] = known.directions[i * width + d] as number;
  const zeros = (n: number): NdArray => ({ shape: [n], data: new Float32Array(n) });
  const threshold = { shape: [features], data: new Float32Array(features).fill(0.1) };
  return { ...state, weights: { W_enc: { shape: [width, features], data: W_enc }, W_dec: { shape: [features, width], data: decoder }, b_enc: zeros(features), b_dec: zeros(width), threshold } };
}

describe('recovery', () => {
  /** Directions along the axes: the transpose is the exact encoder. */
  const axes = (): GroundTruth => {
    const plain = groundTruth({ width: 24, features: 24, pairs: 2, circles: 1, dense: 0, products: 0, noise: 0 });
    plain.directions.fill(0);
    for (let i = 0; i < 24; i++) plain.directions[i * 24 + i] = 1;
    plain.circles.fill(0);
    return plain;
  };

  it('is perfect for an SAE that knows the truth, whatever the order of its latents', () => {
    const known = axes();
    const sae = openSae(oracle(known, known.directions));
    const result = recovery(known, sae, sampleTruth(known, 500, 5));
    sae.dispose();
    expect(result).toMatchObject({ meanMaxCosine: 1, matched: 1, f1: 1, absorption: 0, dead: 0 });
    expect(result.explained).toBeCloseTo(1, 6);
    expect(result.l0).toBeGreaterThan(4);
  });

  it('sees absorption where a parent is silent whenever its child fires', () => {
    const known = axes();
    const state = oracle(known, Float32Array.from(known.directions));
    // Children (4..15) take over their parent's direction; the parent is inhibited by them.
    for (let child = 4; child < 16; child++) {
      const parent = known.parent[child] as number;
      (state.weights['W_dec'] as NdArray).data[child * 24 + parent] = 0.4;
      (state.weights['W_enc'] as NdArray).data[child * 24 + parent] = -4;
    }
    const sae = openSae(state);
    const result = recovery(known, sae, sampleTruth(known, 1000, 6));
    sae.dispose();
    expect(result.absorption).toBeGreaterThan(0.95);
    expect(result.f1).toBeLessThan(1);
  });

  it('is poor for random weights, handles fewer latents than features, and leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    const sae = openSae(randomState('topk', { width: 64, latents: 20 }));
    const result = recovery(truth, sae, sampleTruth(truth, 300, 7));
    sae.dispose();
    expect(result.matched).toBe(0);
    expect(result.meanMaxCosine).toBeLessThan(0.5);
    expect(tf.memory().numTensors).toBe(before);
    const narrow = openSae(randomState('topk', { width: 8, latents: 20 }));
    expect(() => recovery(truth, narrow, sampleTruth(truth, 10, 1))).toThrow(/does not read these activations/);
    narrow.dispose();
  });
});
