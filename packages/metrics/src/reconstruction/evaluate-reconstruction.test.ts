import { useBackend, tf } from '@salmon-sae/compute';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { batchesOf, codesOf, constantAnchor, gaussianRows, identityAnchor } from '../anchors/anchors.js';
import { interval } from '../documents/estimate.js';
import { evaluateReconstruction, reconstructionAccumulator } from './evaluate-reconstruction.js';
import type { SaeReconstruction } from './evaluation.js';
import type { Reconstructor } from './named-sae.js';

const rows = gaussianRows({ rows: 600, width: 8, documents: 40, seed: 1, offset: 3 });
const total = rows.values.length / rows.width;

/** Scales x and adds a constant, with every second latent silent. */
function affine(scale: number, shift: number): Reconstructor {
  return {
    latents: 4,
    width: 8,
    outWidth: 8,
    run: (x, n) => ({
      codes: codesOf(
        Float32Array.from({ length: n * 4 }, (_, i) => (i % 2 === 0 ? Math.abs(x[2 * i - (i % 4)] as number) : 0)),
        n,
        4,
      ),
      recon: x.map((v) => scale * v + shift),
    }),
  };
}

function meanOf(values: Float32Array, width: number): Float32Array {
  const mean = new Float64Array(width);
  values.forEach((v, i) => (mean[i % width] = (mean[i % width] as number) + v / (values.length / width)));
  return Float32Array.from(mean);
}

const get = (s: SaeReconstruction | undefined, id: string): number => s?.metrics[id]?.value as number;

describe('evaluateReconstruction', () => {
  beforeAll(async () => void (await useBackend()));

  it('gives the identity perfect scores and the mean predictor an FVE of 0', async () => {
    const { saes, tokens, documents, centre } = await evaluateReconstruction({
      saes: [
        { name: 'identity', sae: identityAnchor(8) },
        { name: 'mean', sae: constantAnchor(meanOf(rows.values, 8)) },
        { name: 'zero', sae: constantAnchor(new Float32Array(8)) },
      ],
      batches: batchesOf(rows, 64),
    });
    expect({ tokens, documents, centre }).toEqual({ tokens: 600, documents: 40, centre: 'all rows' });
    const [identity, mean, zero] = saes;
    for (const id of ['fve_pooled@1', 'fve_residual_variance@1', 'fve_token@1', 'fve_dimension@1', 'l2_ratio@1']) {
      expect(get(identity, id), id).toBe(1);
    }
    expect(get(identity, 'cosine@1')).toBeCloseTo(1, 12);
    expect(get(identity, 'relative_reconstruction_bias@1')).toBe(1);
    expect(get(identity, 'mse@1')).toBe(0);
    expect(get(identity, 'l0@1')).toBe(8);
    expect(get(identity, 'latents_live@1')).toBe(1);
    expect(get(identity, 'latents_dense@1')).toBe(1);
    for (const id of ['fve_pooled@1', 'fve_residual_variance@1', 'fve_dimension@1', 'fve_token@1']) {
      expect(get(mean, id), id).toBeCloseTo(0, 6);
    }
    expect(get(mean, 'latents_dead@1')).toBe(1);
    expect(get(zero, 'fve_pooled@1')).toBeLessThan(-5);
    expect(get(zero, 'fve_residual_variance@1')).toBeCloseTo(0, 9);
    expect(get(zero, 'nmse@1')).toBeCloseTo(1, 12);
    expect(get(zero, 'cosine@1')).toBe(0);
  });

  it('agrees with a two-pass float64 computation', async () => {
    const sae = affine(0.9, 0.2);
    const { saes } = await evaluateReconstruction({ saes: [{ name: 'a', sae }], batches: batchesOf(rows, 100) });
    const mean = meanOf(rows.values, 8);
    let se = 0;
    let variance = 0;
    let token = 0;
    let r2 = 0;
    let dot = 0;
    for (let t = 0; t < total; t++) {
      let e2 = 0;
      let c2 = 0;
      for (let d = 0; d < 8; d++) {
        const x = rows.values[t * 8 + d] as number;
        const r = Math.fround(0.9 * x + 0.2);
        e2 += (x - r) ** 2;
        c2 += (x - (mean[d] as number)) ** 2;
        r2 += r * r;
        dot += x * r;
      }
      se += e2;
      variance += c2;
      token += 1 - e2 / c2;
    }
    expect(get(saes[0], 'fve_pooled@1')).toBeCloseTo(1 - se / variance, 9);
    expect(get(saes[0], 'fve_token@1')).toBeCloseTo(token / total, 5);
    expect(get(saes[0], 'mse_element@1')).toBeCloseTo(se / total / 8, 10);
    expect(get(saes[0], 'relative_reconstruction_bias@1')).toBeCloseTo(r2 / dot, 10);
    expect(get(saes[0], 'fve_residual_variance@1')).toBeCloseTo(0.99, 6);
    expect(get(saes[0], 'l0@1')).toBeCloseTo(2, 12);
    expect(get(saes[0], 'latents_live@1')).toBe(0.5);
    expect([...(saes[0]?.latents.counts ?? [])]).toEqual([600, 0, 600, 0]);
  });

  it('does not depend on batch size or document order, intervals included', async () => {
    const order = [...Array(total).keys()];
    random(5).shuffle(order);
    const shuffled = {
      width: 8,
      docs: order.map((i) => rows.docs[i] as string),
      values: Float32Array.from(order.flatMap((i) => [...rows.values.subarray(i * 8, i * 8 + 8)])),
    };
    const variants = [batchesOf(rows, 7), batchesOf(rows, 600), batchesOf(shuffled, 50)];
    const results = await Promise.all(
      variants.map((batches) =>
        evaluateReconstruction({ saes: [{ name: 'a', sae: affine(0.8, 0.3) }], batches, replicates: 200 }),
      ),
    );
    const [first, ...others] = results.map((r) => r.saes[0]?.metrics ?? {});
    for (const other of others) {
      for (const [id, sampled] of Object.entries(first ?? {})) {
        expect(other[id]?.value, id).toBeCloseTo(sampled.value, 9);
        expect(other[id]?.key).toBe(sampled.key);
        const a = interval(sampled);
        const b = interval(other[id] as typeof sampled);
        expect(b.low, id).toBeCloseTo(a.low as number, 4);
        expect(b.high, id).toBeCloseTo(a.high as number, 4);
      }
    }
  });

  it('folds documents beyond the limit into groups without changing a value', async () => {
    const saes = [{ name: 'a', sae: affine(0.8, 0.3) }];
    const whole = await evaluateReconstruction({ saes, batches: batchesOf(rows, 50), replicates: 50 });
    const folded = await evaluateReconstruction({ saes, batches: batchesOf(rows, 50), replicates: 50, units: 16 });
    const backwards = [...batchesOf(rows, 50)].reverse();
    const reversed = await evaluateReconstruction({ saes, batches: backwards, replicates: 50, units: 16 });
    for (const [id, sampled] of Object.entries(whole.saes[0]?.metrics ?? {})) {
      expect(folded.saes[0]?.metrics[id]?.value, id).toBeCloseTo(sampled.value, 9);
    }
    const low = (r: typeof whole): number => interval(r.saes[0]?.metrics['fve_pooled@1'] as never).low as number;
    expect(low(reversed)).toBeCloseTo(low(folded), 5);
    expect(folded.documents).toBe(40);
  });

  it('has intervals that cover the truth about as often as they promise', async () => {
    let covered = 0;
    for (let trial = 0; trial < 60; trial++) {
      const draw = gaussianRows({ rows: 400, width: 2, documents: 100, seed: 100 + trial });
      const half: Reconstructor = {
        latents: 1,
        width: 2,
        outWidth: 2,
        run: (x, n) => ({ codes: codesOf(new Float32Array(n), n, 1), recon: x.map((v, i) => (i % 2 === 0 ? v : 0)) }),
      };
      const { saes } = await evaluateReconstruction({
        saes: [{ name: 'half', sae: half }],
        batches: batchesOf(draw, 400),
        replicates: 200,
        seed: trial,
      });
      // Both dimensions have the same variance: reconstructing one of two explains exactly half.
      const { low, high } = interval(saes[0]?.metrics['fve_pooled@1'] as never);
      if ((low as number) <= 0.5 && 0.5 <= (high as number)) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(51);
  });

  it('measures the target where the batch has one', async () => {
    const batches: readonly ActivationBatch[] = batchesOf(rows, 100).map((b) => ({
      ...b,
      target: b.values.map((v) => 0.9 * v + 0.2),
    }));
    const { saes } = await evaluateReconstruction({ saes: [{ name: 'a', sae: affine(0.9, 0.2) }], batches });
    expect(get(saes[0], 'fve_pooled@1')).toBe(1);
  });

  it('uses a given centre for the per-token variant and says where it came from', async () => {
    const saes = [{ name: 'a', sae: affine(0.8, 0.3) }];
    const centre = meanOf(rows.values, 8);
    const given = await evaluateReconstruction({ saes, batches: batchesOf(rows, 60), centre });
    const first = await evaluateReconstruction({ saes, batches: batchesOf(rows, 60), centreRows: 120 });
    expect(given.centre).toBe('given');
    expect(first.centre).toBe('first rows');
    expect(get(first.saes[0], 'fve_token@1')).toBeCloseTo(get(given.saes[0], 'fve_token@1'), 1);
  });

  it('refuses empty streams, misfits and rows without documents, and leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const accumulator = reconstructionAccumulator([{ name: 'a', sae: identityAnchor(8) }]);
    expect(() => accumulator.value()).toThrow(/No activation rows/);
    expect(() => accumulator.add(batchesOf(gaussianRows({ rows: 4, width: 6, documents: 1, seed: 1 }), 4)[0]!)).toThrow(
      /does not fit/,
    );
    const batch = batchesOf(rows, 10)[0] as ActivationBatch;
    const lost = { ...batch, origin: { ...batch.origin, doc: batch.origin.doc.map(() => 9) } };
    expect(() => accumulator.add(lost)).toThrow(/document that the batch does not list/);
    accumulator.add(batch);
    expect(accumulator.value().saes[0]?.metrics['fve_pooled@1']?.value).toBe(1);
    await evaluateReconstruction({ saes: [{ name: 'a', sae: identityAnchor(8) }], batches: batchesOf(rows, 50) });
    expect(tf.memory().numTensors).toBe(before);
  });
});
