import { tf, useBackend } from '@salmon-sae/compute';
import type { SaeState } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSae } from '../inference/open-sae.js';
import type { StepEvent } from '../train-event.js';
import { autodiffStep, lossContext } from '../train/autodiff-step.js';
import { scheduleAt } from '../train/schedule.js';
import { resolveSpec, resolveSpecs, type ResolvedSpec } from '../train/train-spec.js';
import type { GradientRequest } from '../train/train-step.js';
import { Trainer, type TrainerBatch } from '../train/trainer.js';
import type { TrainingOptions } from '../train/training-config.js';
import type { ArchitectureConfig, TensorMap } from './architecture.js';
import { ARCHITECTURES } from './architectures.js';
import { batchTopK } from './batch-topk.js';
import { gated } from './gated.js';
import { jumprelu } from './jumprelu.js';
import { matchingPursuit } from './matching-pursuit.js';
import { matryoshka } from './matryoshka.js';
import { msae } from './msae.js';
import { reweighted } from './reweighted.js';
import { scaleSae } from './scale-sae.js';
import { standard } from './standard.js';
import { switchSae } from './switch-sae.js';
import { topK } from './topk.js';
import { variational } from './variational.js';

/*
 * What every architecture must do: shapes, gradients against finite differences, no tensor left behind, the same bytes after
 * saving and restoring, the L0 it promises, the same numbers at inference as in training, and learning planted features.
 */
const WIDTH = 8;
const LATENTS = 16;
const ROWS = 12;

interface Case {
  readonly name: string;
  readonly sae: ArchitectureConfig;
  readonly outWidth?: number;
  /** Parameters whose gradient is an estimator on purpose (straight-through, or frozen in a part of the loss). */
  readonly estimated?: readonly string[];
  readonly own?: Partial<TrainingOptions>;
  /** A part that is a step function of the parameters, and has no gradient but the estimated ones. */
  readonly stepped?: string;
  /** Of the random parameters; one where no pre-activation crosses its threshold within the finite difference. */
  readonly seed?: number;
  /** Mean L0 promised for a batch of ROWS with enough positive pre-activations. */
  readonly l0?: (value: number) => boolean;
  /** Selection depends on the whole batch, so inference (one threshold) differs. */
  readonly batchwise?: boolean;
}

const none = { decoderBiasInit: 'zero' } as const;
const CASES: readonly Case[] = [
  { name: 'standard', sae: standard({ latents: LATENTS }) },
  { name: 'standard, p = 1.5', sae: standard({ latents: LATENTS, p: 1.5 }) },
  { name: 'jumprelu', sae: jumprelu({ latents: LATENTS, targetL0: 3 }), estimated: ['threshold'], stepped: 'l0' },
  { name: 'jumprelu, tanh', sae: jumprelu({ latents: LATENTS, sparsity: 'tanh', thresholdParameter: 'log' }), estimated: ['log_threshold'] },
  { name: 'gated', sae: gated({ latents: LATENTS }), estimated: ['W_dec', 'b_dec'] },
  { name: 'gated, live auxiliary decoder', sae: gated({ latents: LATENTS, detachAux: false, normWeighted: true }) },
  { name: 'topk', sae: topK({ latents: LATENTS, k: 3, ...none }), l0: (v) => v <= 3 && v > 2 },
  { name: 'topk, rescaled, multi', sae: topK({ latents: LATENTS, k: 3, multiWeight: 0.125, rescaleByDecoderNorm: true, normalizeLoss: true, ...none }), l0: (v) => v <= 3 },
  { name: 'batchtopk', sae: batchTopK({ latents: LATENTS, k: 2.5, ...none }), l0: (v) => v === 2.5, batchwise: true },
  { name: 'matryoshka', sae: matryoshka({ latents: LATENTS, k: 3, widths: [4, 8, 16], ...none }), l0: (v) => v === 3, batchwise: true },
  { name: 'msae', sae: msae({ latents: LATENTS, ks: [2, 4, 16] }) },
  { name: 'msae, reverse', sae: msae({ latents: LATENTS, ks: [2, 4], weighting: 'reverse' }), l0: (v) => v <= 16 },
  { name: 'switch', sae: switchSae({ latents: LATENTS, experts: 4, k: 2, ...none }), l0: (v) => v <= 2 && v > 0 },
  { name: 'scale', sae: scaleSae({ latents: LATENTS, experts: 4, k: 3, ...none }), l0: (v) => v <= 3 && v > 0 },
  { name: 'variational, fixed variance', sae: variational({ latents: LATENTS, k: 4 }), l0: (v) => v <= 4 },
  { name: 'variational, learned variance', sae: variational({ latents: LATENTS, k: null, variance: 'learned', klCoefficient: 0.01, logVarianceInit: -5 }) },
  { name: 'matching pursuit', sae: matchingPursuit({ latents: LATENTS, maxIterations: 4 }), l0: (v) => v <= 4 && v > 1 },
  { name: 'reweighted topk', sae: reweighted(topK({ latents: LATENTS, k: 3, ...none })), l0: (v) => v <= 3 },
  { name: 'transcoder', sae: jumprelu({ latents: LATENTS, targetL0: 3, transcoder: true }), outWidth: 5, estimated: ['threshold'], stepped: 'l0', seed: 6 },
  { name: 'skip transcoder', sae: topK({ latents: LATENTS, k: 3, transcoder: true, skip: true, applyDecoderBiasToInput: false, ...none }), outWidth: 5, own: { targetScale: 'own' } },
  { name: 'layer norm', sae: standard({ latents: LATENTS, normalizeActivations: 'layer_norm' }) },
];

const training = { steps: 60, batch: ROWS, learningRate: 1e-2, normalizeBatches: 2, logEvery: 1, lrWarmup: 0.05, sparsityWarmup: 0 };

/** Rows made of two of ten planted directions each, with unequal variances, and targets that are a fixed linear map of them. */
function planted(count: number, outWidth: number, rows = ROWS): readonly TrainerBatch[] {
  const generator = random(11, 'contract');
  const direction = (n: number): number[] => Array.from({ length: n }, () => generator.normal());
  const inputs = Array.from({ length: 10 }, () => direction(WIDTH));
  const outputs = Array.from({ length: 10 }, () => direction(outWidth));
  return Array.from({ length: count }, () => {
    const values = new Float32Array(rows * WIDTH);
    const target = new Float32Array(rows * outWidth);
    for (let r = 0; r < rows; r++) {
      for (let n = 0; n < 2; n++) {
        const f = generator.below(10);
        const strength = 1 + generator.next();
        inputs[f]!.forEach((v, i) => (values[r * WIDTH + i]! += strength * v));
        outputs[f]!.forEach((v, i) => (target[r * outWidth + i]! += strength * v));
      }
    }
    return outWidth === WIDTH ? { rows, values } : { rows, values, target };
  });
}

function specOf(test: Case): ResolvedSpec {
  return resolveSpec({ id: 'sae', sae: test.sae, training: { ...training, ...test.own } }, {}, ARCHITECTURES);
}

/** A request with random parameters around the initial ones, so that no bias is exactly zero. */
function requestFor(spec: ResolvedSpec, outWidth: number, seed = 5): GradientRequest {
  const { sae } = spec.config;
  const generator = random(seed, 'params');
  const context = { width: WIDTH, outWidth, random: generator };
  const batch = planted(1, outWidth)[0]!;
  const upload = (arrays: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>, spread: number): TensorMap =>
    Object.fromEntries(Object.entries(arrays).map(([name, a]) => [name, tf.tensor(a.data.map((v) => v + spread * generator.normal()), [...a.shape], 'float32')]));
  const x = tf.tensor2d(batch.values.map((v) => v / 3), [ROWS, WIDTH]);
  const target = batch.target === undefined ? x : tf.tensor2d(batch.target.map((v) => v / 3), [ROWS, outWidth]);
  const fitted = spec.architecture.fitState?.(sae, { target: (batch.target ?? batch.values).slice(), width: outWidth });
  return {
    params: upload(spec.architecture.init(sae, context), 0.02),
    state: upload({ ...spec.architecture.initState?.(sae, context), ...fitted }, 0),
    x,
    target,
    schedule: scheduleAt(spec.config.training, 10),
    silence: tf.zeros([LATENTS], 'int32'),
    stats: true,
  };
}

const shape = (outWidth: number): { width: number; outWidth: number; deadAfter: number } => ({ width: WIDTH, outWidth, deadAfter: 1e6 });

beforeAll(async () => {
  await useBackend();
});

describe.each(CASES)('architecture contract: $name', (test) => {
  const outWidth = test.outWidth ?? WIDTH;

  it('has the shapes it should have, in and out', () => {
    tf.tidy(() => {
      const spec = specOf(test);
      const context = lossContext(spec, shape(outWidth), requestFor(spec, outWidth));
      const codes = spec.architecture.encode(context);
      expect(codes.shape).toEqual([ROWS, LATENTS]);
      expect(spec.architecture.decode(context, codes).shape).toEqual([ROWS, outWidth]);
      const result = spec.architecture.loss(context);
      expect(result.codes.shape).toEqual([ROWS, LATENTS]);
      expect(result.recon.shape).toEqual([ROWS, outWidth]);
      const sum = Object.values(result.parts).reduce((a, p) => a + p.dataSync()[0]!, 0);
      expect(sum).toBeCloseTo(result.total.dataSync()[0]!, 4);
    });
  });

  it('has the gradient that finite differences give', () => {
    tf.tidy(() => {
      const spec = specOf(test);
      const request = requestFor(spec, outWidth, test.seed);
      const { grads } = autodiffStep(spec, shape(outWidth)).gradients(request);
      const lossAt = (params: TensorMap): number =>
        tf.tidy(() => {
          const { total, parts } = spec.architecture.loss(lossContext(spec, shape(outWidth), { ...request, params }));
          return total.dataSync()[0]! - (test.stepped === undefined ? 0 : parts[test.stepped]!.dataSync()[0]!);
        });
      const generator = random(9, 'direction');
      for (const [name, value] of Object.entries(request.params)) {
        if (test.estimated?.includes(name) === true) continue;
        const direction = tf.tensor(Float32Array.from({ length: value.size }, () => generator.normal() / Math.sqrt(value.size)), value.shape);
        const step = 2e-3;
        const moved = (sign: number): TensorMap => ({ ...request.params, [name]: tf.add(value, tf.mul(direction, sign * step)) });
        const numeric = (lossAt(moved(1)) - lossAt(moved(-1))) / (2 * step);
        const analytic = tf.sum(tf.mul(grads[name]!, direction)).dataSync()[0]!;
        const size = tf.norm(grads[name]!).dataSync()[0]!;
        expect(Math.abs(numeric - analytic), `${name}: ${numeric} against ${analytic}`).toBeLessThan(0.01 * Math.max(size, 0.05));
      }
    });
  });

  it('learns planted features, keeps its promise on L0, and leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    const trainer = new Trainer([specOf(test)], { site: { model: 'm', hook: 'h', width: WIDTH }, outWidth });
    const steps = planted(60, outWidth, 48).flatMap((batch) => trainer.step(batch)).filter((e): e is StepEvent => e.kind === 'step');
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(steps).toHaveLength(60);
    const mean = (from: number, to: number): number => steps.slice(from, to).reduce((a, s) => a + s.fve, 0) / (to - from);
    expect(mean(50, 60)).toBeGreaterThan(mean(0, 5) + 0.02);
    if (test.l0 !== undefined) for (const s of steps.slice(3)) expect(test.l0(s.l0), `L0 ${s.l0}`).toBe(true);
  });

  it('goes on from a snapshot with the same bytes', () => {
    const batches = planted(14, outWidth);
    const options = { site: { model: 'm', hook: 'h', width: WIDTH }, outWidth };
    const whole = new Trainer([specOf(test)], options);
    for (const batch of batches) whole.step(batch);
    const first = new Trainer([specOf(test)], options);
    for (const batch of batches.slice(0, 6)) first.step(batch);
    const snapshot = first.snapshot()!;
    first.dispose();
    const second = new Trainer([specOf(test)], options, snapshot);
    for (const batch of batches.slice(6)) second.step(batch);
    expect(second.snapshot()).toEqual(whole.snapshot());
    whole.dispose();
    second.dispose();
  });

  it('gives the same codes and reconstruction at inference, in raw units, as in training', () => {
    const spec = specOf(test);
    const trainer = new Trainer([spec], { site: { model: 'm', hook: 'h', width: WIDTH }, outWidth });
    for (const batch of planted(20, outWidth)) trainer.step(batch);
    const state = trainer.states()[0]!;
    const snapshot = trainer.snapshot()!.learners['sae']!;
    trainer.dispose();
    const probe = planted(21, outWidth)[20]!;
    const { codes, recon } = runInference(state, probe);
    tf.tidy(() => {
      const params = Object.fromEntries(Object.entries(snapshot.params).map(([n, a]) => [n, tf.tensor(a.data, [...a.shape])]));
      const stored = Object.fromEntries(Object.entries(snapshot.state).map(([n, a]) => [n, tf.tensor(a.data, [...a.shape])]));
      const x = tf.div<tf.Tensor2D>(tf.tensor2d(probe.values, [ROWS, WIDTH]), snapshot.scales.input);
      const request = { ...requestFor(spec, outWidth), params, state: stored, x };
      const context = lossContext(spec, shape(outWidth), request);
      let trained = spec.architecture.encode(context);
      if (test.batchwise === true) {
        const acts = tf.relu(tf.add(tf.matMul(tf.sub(x, params['b_dec']!), params['W_enc'] as tf.Tensor2D), params['b_enc']!));
        trained = tf.mul(acts, tf.greater(acts, Math.max(0, snapshot.state['threshold']!.data[0]!))) as tf.Tensor2D;
      }
      const decoded = spec.architecture.decode(context, trained);
      const perToken = test.name === 'layer norm';
      const back = tf.mul(tf.sub(context.target, context.residual(decoded)), snapshot.scales.output).dataSync();
      const expected = tf.mul(trained, perToken ? 1 : snapshot.scales.input).dataSync();
      // Layer norm adds its epsilon to the scaled deviation in training and to the raw one at inference.
      const tolerance = perToken ? 1e-4 : 2e-5;
      expect(relative(codes, expected)).toBeLessThan(tolerance);
      expect(relative(recon, back)).toBeLessThan(tolerance);
    });
  });
});

function runInference(state: SaeState, probe: TrainerBatch): { codes: Float32Array; recon: Float32Array } {
  const sae = openSae(state);
  const { codes, recon } = sae.run(probe.values, probe.rows);
  sae.dispose();
  const dense = new Float32Array(probe.rows * LATENTS);
  for (let r = 0; r < probe.rows; r++) for (let i = codes.indptr[r]!; i < codes.indptr[r + 1]!; i++) dense[r * LATENTS + codes.indices[i]!] = codes.values[i]!;
  return { codes: dense, recon };
}

function relative(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  let size = 1e-6;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(got[i]! - expected[i]!));
    size = Math.max(size, Math.abs(expected[i]!));
  }
  return worst / size;
}

it('every architecture is in the contract suite', () => {
  const covered = new Set(CASES.map((c) => c.sae.kind));
  expect(ARCHITECTURES.map((a) => a.kind).filter((kind) => !covered.has(kind))).toEqual([]);
  expect(resolveSpecs([standard({ latents: 4 })], {}, ARCHITECTURES)[0]!.config.id).toBe('standard-4');
});
