import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { ActivationBatch, NdArray, SaeState } from '@salmon-sae/dataflow';
import { jumprelu } from '@salmon-sae/sae-core';
import type { DoneEvent, TrainEvent } from '@salmon-sae/sae-core';
import { from, lastValueFrom, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { takeLatents } from '../latent-rows.js';
import type { BaselinePlan } from './baseline-plan.js';
import { extendedMostActive } from './extended-most-active.js';
import { extendedRandom } from './extended-random.js';
import { fullFineTuning } from './full-fine-tuning.js';
import { latentDisplacement, stitchMostChanged } from './stitch-most-changed.js';
import { trainBaseline } from './train-baseline.js';

const width = 8;
const latents = 12;
const site = { model: 'toy', hook: 'resid_post.0', width };

function base(): SaeState {
  const generator = random(5, 'base');
  const array = (...shape: number[]): NdArray => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => generator.normal() * 0.4) });
  return {
    config: { kind: 'jumprelu', apply_b_dec_to_input: false },
    weights: { W_enc: array(width, latents), W_dec: array(latents, width), b_enc: array(latents), b_dec: array(width), threshold: { shape: [latents], data: array(latents).data.map(Math.abs) } },
    scale: 1.7,
    site,
    trained: { tokens: 100, steps: 10, seed: 0, versions: {}, facts: {} },
  };
}

function batches(count: number): readonly ActivationBatch[] {
  const rows = 64;
  const generator = random(6, 'x');
  const zeros = new Int32Array(rows);
  return Array.from({ length: count }, (_, i) => ({
    site,
    rows,
    values: Float32Array.from({ length: rows * width }, () => generator.normal() * 2),
    origin: { tokenId: zeros, position: zeros, doc: zeros, docs: ['d'], domains: ['toy'] },
    cursor: { source: 'toy', shard: 0, row: (i + 1) * rows },
  }));
}

function trained(plan: BaselinePlan, steps = 20): Promise<readonly TrainEvent[]> {
  const spec = { sae: jumprelu({ latents: 1, targetL0: 3 }), training: { steps, learningRate: 0.01, decoder: 'unit-norm' as const, logEvery: 10 } };
  return lastValueFrom(from(batches(steps)).pipe(trainBaseline(plan, spec), toArray()));
}

function finalState(events: readonly TrainEvent[]): SaeState {
  return (events.find((event) => event.kind === 'done') as DoneEvent).state;
}

beforeAll(() => useBackend());

describe('baselines of boosting', () => {
  it('extends with random rows: the base first and unchanged, new rows of its mean norm, tied and with its median threshold', () => {
    const plan = extendedRandom(base(), { latents: 4, seed: 3 });
    expect(plan.initial.weights['W_dec']!.shape).toEqual([16, width]);
    expect(takeLatents(plan.initial, [0, 5, 11])).toEqual(takeLatents(base(), [0, 5, 11]));
    const added = takeLatents(plan.initial, [12, 13, 14, 15]).arrays;
    const norms = (data: Float32Array): number[] => Array.from({ length: data.length / width }, (_, f) => Math.hypot(...data.subarray(f * width, (f + 1) * width)));
    const all = norms(base().weights['W_dec']!.data);
    for (const norm of norms(added['W_dec']!.data)) expect(norm).toBeCloseTo(all.reduce((a, b) => a + b) / latents, 5);
    expect(added['W_enc']!.data[2 * 4 + 1]).toBe(added['W_dec']!.data[1 * width + 2]);
    const sorted = [...base().weights['threshold']!.data].sort((a, b) => a - b);
    expect(added['threshold']!.data[0]).toBeCloseTo((sorted[5]! + sorted[6]!) / 2, 6);
    expect([...plan.trainable]).toEqual([...Array<number>(12).fill(0), 1, 1, 1, 1]);
    expect(extendedRandom(base(), { latents: 4, seed: 4 }).initial.weights['W_dec']!.data).not.toEqual(plan.initial.weights['W_dec']!.data);
  });

  it('extends with copies of the latents that fire most', () => {
    const fired = Array.from({ length: latents }, (_, i) => (7 * i) % latents);
    const order = [...fired.keys()].sort((a, b) => fired[b]! - fired[a]!);
    const exact = extendedMostActive(base(), fired, { latents: 3, jitter: 0 });
    expect(takeLatents(exact.initial, [12, 13, 14])).toEqual(takeLatents(base(), order.slice(0, 3)));
    const noisy = extendedMostActive(base(), fired, { latents: 3 });
    const change = latentDisplacement(exact.initial, noisy.initial);
    expect(Math.max(...change.subarray(0, 12))).toBe(0);
    expect(Math.min(...change.subarray(12))).toBeGreaterThan(0.002);
    expect(Math.max(...change.subarray(12))).toBeLessThan(0.05);
    expect(() => extendedMostActive(base(), fired, { latents: 13 })).toThrow(/at most 12/);
  });

  it('trains new rows only, and leaves the base bit for bit', async () => {
    const plan = extendedRandom(base(), { latents: 4, seed: 3 });
    const state = finalState(await trained(plan));
    const old = Array.from({ length: latents }, (_, i) => i);
    expect(takeLatents(state, old)).toEqual(takeLatents(base(), old));
    expect(state.weights['b_dec']).toEqual(base().weights['b_dec']);
    expect(Math.min(...latentDisplacement(plan.initial, state).subarray(latents))).toBeGreaterThan(0.01);
  });

  it('trains everything in full fine-tuning, starting from the base’s own weights', async () => {
    const events = await trained(fullFineTuning(base()), 30);
    const state = finalState(events);
    expect(Math.min(...latentDisplacement(base(), state))).toBeGreaterThan(0.01);
    expect(state.scale).toBe(1.7);
    const still = finalState(await trained({ ...fullFineTuning(base()), trainable: new Uint8Array(latents), trainDecoderBias: false }, 5));
    expect(still.weights['W_enc']).toEqual(base().weights['W_enc']);
  });

  it('grafts the most changed latents, in place or beside', () => {
    const tuned = base();
    for (const latent of [2, 7]) for (let d = 0; d < width; d++) tuned.weights['W_dec']!.data[latent * width + d]! += latent;
    tuned.weights['W_enc']!.data[4]! += 0.001;
    const inPlace = stitchMostChanged(base(), tuned, { latents: 2 });
    expect(takeLatents(inPlace, [2, 7])).toEqual(takeLatents(tuned, [2, 7]));
    expect(takeLatents(inPlace, [0, 4, 11])).toEqual(takeLatents(base(), [0, 4, 11]));
    const beside = stitchMostChanged(base(), tuned, { latents: 2, place: 'append' });
    expect(takeLatents(beside, [2, 7, 12, 13]).arrays['W_dec']!.data.subarray(2 * width)).toEqual(takeLatents(tuned, [2, 7]).arrays['W_dec']!.data);
    expect(() => stitchMostChanged(base(), extendedRandom(base(), { latents: 1 }).initial)).toThrow(/not a copy/);
  });

  it('refuses architectures and options that cannot keep their word', () => {
    const spec = { sae: { kind: 'gated', latents: 1 } };
    expect(() => trainBaseline(fullFineTuning(base()), spec)).toThrow(/jumprelu or batchtopk/);
    const resampling = { sae: jumprelu({ latents: 1, targetL0: 3 }), training: { resampleEvery: 10 } };
    expect(() => trainBaseline(extendedRandom(base(), { latents: 2 }), resampling)).toThrow(/frozen/);
  });

  it('leaves no tensor behind', async () => {
    await trained(extendedRandom(base(), { latents: 4, seed: 3 }), 5);
    const before = tf.memory().numTensors;
    await trained(extendedRandom(base(), { latents: 4, seed: 3 }), 5);
    expect(tf.memory().numTensors).toBe(before);
  });
});
