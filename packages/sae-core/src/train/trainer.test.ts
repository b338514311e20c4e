import { hasBf16, tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { jumprelu } from '../architectures/jumprelu.js';
import { standard } from '../architectures/standard.js';
import { topK } from '../architectures/topk.js';
import type { StepEvent, TrainEvent } from '../train-event.js';
import { resolveSpecs, type TrainSpec } from './train-spec.js';
import { Trainer, type TrainerBatch } from './trainer.js';

const WIDTH = 8;
const ROWS = 32;
const site = { model: 'm', hook: 'resid_post.0', width: WIDTH };

beforeAll(async () => {
  await useBackend();
});

function batches(count: number, change: (values: Float32Array, index: number) => void = () => undefined): TrainerBatch[] {
  return Array.from({ length: count }, (_, index) => {
    const generator = random(5, 'trainer', index);
    const values = Float32Array.from({ length: ROWS * WIDTH }, () => generator.normal());
    change(values, index);
    return { rows: ROWS, values, cursor: { source: 'src', shard: 2, row: (index + 1) * ROWS } };
  });
}

function run(spec: TrainSpec, data: readonly TrainerBatch[]): { events: TrainEvent[]; trainer: Trainer } {
  const trainer = new Trainer(resolveSpecs([{ id: 'a', ...spec }], { batch: ROWS, normalizeBatches: 1, logEvery: 5 }, ARCHITECTURES), { site });
  const events: TrainEvent[] = [];
  try {
    for (const batch of data) events.push(...trainer.step(batch));
  } catch (error) {
    trainer.dispose();
    throw error;
  }
  return { events, trainer };
}

const stepsOf = (events: readonly TrainEvent[]): StepEvent[] => events.filter((e): e is StepEvent => e.kind === 'step');

describe('Trainer', () => {
  it('ends a run whose loss is no longer finite, naming the very step and the batch', () => {
    const before = tf.memory().numTensors;
    const data = batches(20, (values, index) => {
      if (index === 12) values[3] = Infinity;
    });
    expect(() => run({ sae: standard({ latents: 8 }), training: { steps: 20, logEvery: 10 } }, data)).toThrow(/finite number \(a, step 13, batch ending at src shard 2 row 416\)/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('warns at first, then ends, where the reconstruction stays worse than the mean', () => {
    const spec = { sae: standard({ latents: 8, decoderInitNorm: 30 }), training: { steps: 60, learningRate: 1e-9, divergencePatience: 20, normalize: 'none' as const } };
    expect(stepsOf(run(spec, batches(5)).events)[0]!.fve).toBeLessThan(0);
    expect(run(spec, batches(20)).events.filter((e) => e.kind === 'warning')).toHaveLength(1);
    expect(() => run(spec, batches(40))).toThrow(/FVU above 1.*since step 5/);
  });

  it('ends where not one latent is active for long', () => {
    const spec = { sae: jumprelu({ latents: 8, initThreshold: 50 }), training: { steps: 60, divergencePatience: 10, learningRate: 1e-9 } };
    expect(() => run(spec, batches(40, (v) => v.forEach((x, i) => (v[i] = Math.abs(x)))))).toThrow(/diverged|FVU above 1|Not one latent is active/);
  });

  it('refuses batches of the wrong size, and says where they are from', () => {
    const [good] = batches(1) as [TrainerBatch];
    expect(() => run({ sae: standard({ latents: 8 }) }, [{ ...good, rows: 31 }])).toThrow(/wrong size \(src, shard 2, row 32\).*31 x 8/);
    expect(() => run({ sae: standard({ latents: 8 }) }, [{ ...good, target: new Float32Array(3) }])).toThrow(/targets/);
    const specs = resolveSpecs([standard({ latents: 8 })], {}, ARCHITECTURES);
    expect(() => new Trainer(specs, { site, outWidth: 4 })).toThrow(/transcoder/);
  });

  it('resamples dead latents: new directions, moments and silence at zero, encoder at a fifth of the living', () => {
    const spec = { sae: topK({ latents: 64, k: 1, aux: { coefficient: 0 }, decoderBiasInit: 'zero' }), training: { steps: 40, deadAfter: 5 * ROWS, resampleEvery: 10, learningRate: 1e-4 } };
    const { trainer: before } = run(spec, batches(9));
    const { trainer: after } = run(spec, batches(10));
    const a = before.snapshot()!.learners['a']!;
    const b = after.snapshot()!.learners['a']!;
    const dead = Array.from(a.silence.data).flatMap((s, i) => (s + ROWS >= 5 * ROWS && b.silence.data[i] === 0 && Math.abs(b.params['W_dec']!.data[i * WIDTH]! - a.params['W_dec']!.data[i * WIDTH]!) > 0.05 ? [i] : []));
    expect(dead.length).toBeGreaterThan(3);
    for (const i of dead) {
      expect(Array.from(b.slots['m.W_dec']!.data.subarray(i * WIDTH, (i + 1) * WIDTH)).every((v) => v === 0)).toBe(true);
      expect(b.params['b_enc']!.data[i]).toBe(0);
      expect(Math.hypot(...b.params['W_dec']!.data.subarray(i * WIDTH, (i + 1) * WIDTH))).toBeCloseTo(1, 4);
      const encoder = Array.from({ length: WIDTH }, (_, d) => b.params['W_enc']!.data[d * 64 + i]!);
      expect(Math.hypot(...encoder)).toBeCloseTo(0.2, 1);
    }
    before.dispose();
    after.dispose();
  });

  it('keeps decoder rows at norm 1, or leaves them free', () => {
    const norms = (decoder: 'free' | 'unit-norm'): number[] => {
      const { trainer } = run({ sae: topK({ latents: 16, k: 3 }), training: { steps: 20, decoder, learningRate: 0.05, lrWarmup: 0 } }, batches(12));
      const { data } = trainer.snapshot()!.learners['a']!.params['W_dec']!;
      trainer.dispose();
      return Array.from({ length: 16 }, (_, i) => Math.hypot(...data.subarray(i * WIDTH, (i + 1) * WIDTH)));
    };
    expect(norms('unit-norm').every((n) => Math.abs(n - 1) < 1e-5)).toBe(true);
    expect(norms('free').some((n) => Math.abs(n - 1) > 0.05)).toBe(true);
  });

  it('runs the encoder in bfloat16 on request, with nearly the same loss', () => {
    const loss = (precision: 'float32' | 'bfloat16-encoder', applyDecoderBiasToInput: boolean): number => {
      const { events, trainer } = run({ sae: standard({ latents: 32, applyDecoderBiasToInput }), training: { steps: 30, precision, learningRate: 1e-3 } }, batches(25));
      trainer.dispose();
      return stepsOf(events).at(-1)!.loss;
    };
    for (const subtracted of [true, false]) {
      const [full, low] = [loss('float32', subtracted), loss('bfloat16-encoder', subtracted)];
      expect(Math.abs(low - full) / full).toBeLessThan(0.02);
      if (hasBf16()) expect(low).not.toBe(full);
    }
  });

  it('starts from given weights', () => {
    const W_enc = { shape: [WIDTH, 8], data: new Float32Array(WIDTH * 8).fill(0.125) };
    const specs = resolveSpecs([{ id: 'a', sae: standard({ latents: 8 }), training: { steps: 5, lrWarmup: 0, learningRate: 1e-12 } }], {}, ARCHITECTURES);
    const trainer = new Trainer(specs, { site, initial: { a: { W_enc } } });
    for (const batch of batches(12)) trainer.step(batch);
    expect(trainer.snapshot()!.learners['a']!.params['W_enc']!.data[5]).toBeCloseTo(0.125, 6);
    trainer.dispose();
  });
});
