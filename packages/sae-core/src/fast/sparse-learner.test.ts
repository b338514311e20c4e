import { nativeSparseOps, plainSparseOps, tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ArchitectureConfig } from '../architectures/architecture.js';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { autodiffStep } from '../train/autodiff-step.js';
import { heldLatents } from '../train/held-latents.js';
import type { LearnerSnapshot, StepNumbers } from '../train/learner.js';
import { Learner } from '../train/learner.js';
import { resolveSpec } from '../train/train-spec.js';
import type { Trainable } from '../train/trainable.js';
import type { TrainingOptions } from '../train/training-config.js';
import { sparseConfig } from './coverage.js';
import { SparseLearner } from './sparse-learner.js';

beforeAll(async () => {
  const info = await useBackend();
  expect(info.nativeOps, info.notice).toBe(true);
});

const d = 24;
const F = 90;
const B = 40;
const STEPS = 20;

/** Sums of a few of 60 planted directions. */
function batch(step: number): Float32Array {
  const directions = random(11, 'directions');
  const planted = Float32Array.from({ length: 60 * d }, () => directions.normal());
  const draw = random(11, 'batch', step);
  const values = new Float32Array(B * d);
  for (let r = 0; r < B; r++) {
    for (let n = 0; n < 4; n++) {
      const f = draw.below(60);
      const strength = 0.5 + draw.next();
      for (let i = 0; i < d; i++) values[r * d + i]! += strength * planted[f * d + i]!;
    }
  }
  return values;
}

interface Case {
  readonly name: string;
  readonly sae: ArchitectureConfig & Record<string, unknown>;
  readonly training?: Partial<TrainingOptions>;
  /** Width of the target, where it is not the input: a transcoder. */
  readonly out?: number;
  readonly trainable?: Trainable;
}

/** Two thirds of the latents, and not the decoder bias. */
const some: Trainable = { latents: Uint8Array.from({ length: F }, (_, f) => (f % 3 === 0 ? 0 : 1)), shared: false };

const wide = { latents: F, bandwidth: 0.1, initThreshold: 0.05 };
const cases: readonly Case[] = [
  { name: 'JumpReLU, quadratic target L0', sae: { kind: 'jumprelu', ...wide, targetL0: 8 } },
  { name: 'JumpReLU, step loss, log threshold, momentum, free decoder', sae: { kind: 'jumprelu', ...wide, sparsity: 'step', coefficient: 0.02, thresholdParameter: 'log', applyDecoderBiasToInput: true }, training: { beta1: 0.9, decoder: 'free' } },
  { name: 'JumpReLU, L0 step on gated activations', sae: { kind: 'jumprelu', ...wide, initThreshold: 0.03, l0SteOn: 'post', minThreshold: null } },
  { name: 'JumpReLU, sparse from the start', sae: { kind: 'jumprelu', ...wide, initThreshold: 0.6, bandwidth: 0.4, targetL0: 2 } },
  { name: 'JumpReLU, log threshold, L0 step on gated activations, sparse from the start', sae: { kind: 'jumprelu', ...wide, initThreshold: 0.6, bandwidth: 1.3, sparsity: 'step', coefficient: 0.02, thresholdParameter: 'log', l0SteOn: 'post' } },
  { name: 'ReLU with L1', sae: { kind: 'standard', latents: F, l1Coefficient: 0.02 }, training: { decoder: 'unit-norm' } },
  { name: 'TopK with AuxK', sae: { kind: 'topk', latents: F, k: 6 }, training: { deadAfter: 90 } },
  { name: 'TopK without decoder bias', sae: { kind: 'topk', latents: F, k: 6, decoderBias: false, aux: { coefficient: 0 } } },
  { name: 'BatchTopK with AuxK, k annealed', sae: { kind: 'batchtopk', latents: F, k: 5.5, kAnnealFrom: 20, kAnneal: 10, aux: { k: 7, scaleByDead: true } }, training: { deadAfter: 2, deadUnit: 'steps', deadRule: 'before-step' } },
  { name: 'JumpReLU, tanh sparsity, pull on dead pre-activations', sae: { kind: 'jumprelu', ...wide, sparsity: 'tanh', coefficient: 0.1, preActCoefficient: 0.01, initThreshold: 0.6 }, training: { deadAfter: 90 } },
  {
    name: 'JumpReLU, tanh sparsity, pull on dead pre-activations, log threshold, free decoder, no encoder bias',
    sae: { kind: 'jumprelu', ...wide, sparsity: 'tanh', coefficient: 0.1, preActCoefficient: 0.01, initThreshold: 0.6, thresholdParameter: 'log', encoderBias: false },
    training: { deadAfter: 90, deadRule: 'before-step', decoder: 'free' },
  },
  { name: 'ReLU with L1 weighted by norms, free decoder of small norm', sae: { kind: 'standard', latents: F, l1Coefficient: 0.05, decoderInitNorm: 0.3 } },
  { name: 'ReLU, decoder rows that must first be given unit norm', sae: { kind: 'standard', latents: F, decoderInitNorm: 0.1 }, training: { decoder: 'unit-norm' } },
  { name: 'ReLU on tokens of constant norm', sae: { kind: 'standard', latents: F, l1Coefficient: 0.02, normalizeActivations: 'constant_norm_rescale' } },
  { name: 'TopK with all of multi-TopK, normalised loss, rescaling and AuxK', sae: { kind: 'topk', latents: F, k: 5, multiWeight: 0.125, normalizeLoss: true, rescaleByDecoderNorm: true }, training: { deadAfter: 90, decoder: 'free' } },
  { name: 'TopK on layer-normed tokens, SAELens\u2019 AuxK', sae: { kind: 'topk', latents: F, k: 6, normalizeActivations: 'layer_norm', aux: { coefficient: 1, source: 'pre', normalize: 'none', scaleByDead: true } }, training: { deadAfter: 90 } },
  { name: 'BatchTopK, rescaled, SAELens\u2019 AuxK', sae: { kind: 'batchtopk', latents: F, k: 6, rescaleByDecoderNorm: true, decoderInitNorm: 0.1, aux: { coefficient: 1, source: 'pre', normalize: 'none', scaleByDead: true } }, training: { decoder: 'free', deadAfter: 90 } },
  { name: 'skip transcoder, BatchTopK', sae: { kind: 'batchtopk', latents: F, k: 6, transcoder: true, skip: true, applyDecoderBiasToInput: false, decoderBiasInit: 'zero' }, out: 17, training: { deadAfter: 90 } },
  { name: 'skip transcoder, JumpReLU, on layer-normed tokens', sae: { kind: 'jumprelu', ...wide, initThreshold: 0.6, transcoder: true, skip: true, normalizeActivations: 'layer_norm' }, out: 17 },
  { name: 'Matryoshka', sae: { kind: 'matryoshka', latents: F, k: 6, widths: [10, 30, F] }, training: { deadAfter: 90 } },
  { name: 'Matryoshka, sum of losses, AuxK for each prefix, rescaled, layer-normed', sae: { kind: 'matryoshka', latents: F, k: 6, combine: 'sum', auxPerLevel: true, rescaleByDecoderNorm: true, normalizeActivations: 'layer_norm' }, training: { deadAfter: 90, decoder: 'free' } },
  { name: 'ReLU with resampling', sae: { kind: 'standard', latents: F, l1Coefficient: 3 }, training: { resampleEvery: 5, resampleUntil: 1, deadAfter: 40, sparsityWarmup: 0, learningRate: 0.02 } },
  { name: 'JumpReLU, some latents frozen', sae: { kind: 'jumprelu', ...wide, targetL0: 8, applyDecoderBiasToInput: true }, trainable: some },
  { name: 'JumpReLU, some latents frozen, sparse from the start', sae: { kind: 'jumprelu', ...wide, initThreshold: 0.6, bandwidth: 0.4, targetL0: 2 }, trainable: some },
  { name: 'BatchTopK with AuxK, some latents frozen, decoder rows of any norm', sae: { kind: 'batchtopk', latents: F, k: 6, decoderInitNorm: 0.7 }, training: { deadAfter: 90 }, trainable: some },
];

function relative(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  let size = 1e-12;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
    size = Math.max(size, Math.abs(b[i]!));
  }
  return Number.isNaN(worst) ? Infinity : worst / size;
}

function compareSnapshots(a: LearnerSnapshot, b: LearnerSnapshot, beta1: number): number {
  const errors = Object.keys(b.params).map((name) => relative(a.params[name]!.data, b.params[name]!.data));
  for (const name of Object.keys(b.slots)) {
    if (beta1 === 0 && /^m\.W_/.test(name)) continue; // not kept where it is never read
    errors.push(relative(a.slots[name]!.data, b.slots[name]!.data));
  }
  for (const name of Object.keys(b.state)) errors.push(relative(a.state[name]!.data, b.state[name]!.data));
  expect(a.silence.data).toEqual(b.silence.data);
  return Math.max(...errors);
}

/** What was not to learn is the same bit for bit; the rest is not. */
function expectHeld(before: LearnerSnapshot, after: LearnerSnapshot, trainable: Trainable): void {
  const rows = (snapshot: LearnerSnapshot, name: 'W_dec' | 'b_enc', f: number): number[] => {
    const width = name === 'W_dec' ? d : 1;
    return Array.from(snapshot.params[name]!.data.subarray(f * width, (f + 1) * width));
  };
  for (const [f, learns] of trainable.latents.entries()) {
    if (learns === 1) continue;
    for (const name of ['W_dec', 'b_enc'] as const) expect(rows(after, name, f)).toEqual(rows(before, name, f));
    for (let i = 0; i < d; i++) expect(after.params['W_enc']!.data[i * F + f]).toBe(before.params['W_enc']!.data[i * F + f]);
  }
  expect(after.params['b_dec']).toEqual(before.params['b_dec']);
  expect(rows(after, 'W_dec', 1)).not.toEqual(rows(before, 'W_dec', 1));
}

function compareNumbers(a: StepNumbers, b: StepNumbers): number {
  expect(Object.keys(a.parts).sort()).toEqual(Object.keys(b.parts).sort());
  const pairs: (readonly [number, number])[] = [[a.loss, b.loss], [a.l0, b.l0], [a.gradNorm, b.gradNorm], [a.fve, b.fve], ...Object.keys(b.parts).map((name) => [a.parts[name]!, b.parts[name]!] as const)];
  expect([a.step, a.tokens, a.deadLatents, a.learningRate, a.firstBad]).toEqual([b.step, b.tokens, b.deadLatents, b.learningRate, b.firstBad]);
  return Math.max(...pairs.map(([x, y]) => Math.abs(x - y) / Math.max(Math.abs(y), 1e-3)));
}

describe.each([
  ['native', { ops: nativeSparseOps, denseAbove: 1 }],
  ['plain', { ops: plainSparseOps, denseAbove: 1 }],
  ['crowded native', { ops: nativeSparseOps, denseAbove: 0 }],
  ['crowded plain', { ops: plainSparseOps, denseAbove: 0 }],
])('%s sparse training', (_, options) => {
  it.each(cases)('$name: 20 steps equal the dense ones to 1e-4, a resumed run goes on, nothing leaks', ({ sae, training, out = d, trainable }) => {
    const before = tf.memory().numTensors;
    const spec = resolveSpec({ sae, training: { steps: STEPS, batch: B, learningRate: 3e-3, lrWarmup: 4, sparsityWarmup: 6, logEvery: 1, ...training } }, {}, ARCHITECTURES);
    expect(sparseConfig(spec)).toBeDefined();
    const shape = { width: d, outWidth: out };
    const factories = trainable === undefined ? [autodiffStep] : [heldLatents(trainable, [autodiffStep])];
    const dense = Learner.start(spec, shape, { scales: { input: 4, output: 4 }, sample: [{ rows: B, values: batch(0) }], factories });
    const given = { ...options, ...(trainable === undefined ? {} : { trainable }) };
    const first = dense.snapshot();
    let sparse = new SparseLearner(spec, first, given);
    let worst = 0;
    let mostDead = 0;
    for (let step = 0; step < STEPS; step++) {
      if (step === 12) {
        const snapshot = sparse.snapshot();
        sparse.dispose();
        sparse = new SparseLearner(spec, snapshot, given);
      }
      const x = tf.tensor2d(batch(step), [B, d]);
      const target = out === d ? x : tf.tidy(() => tf.slice2d(tf.square(x), [0, 0], [B, out]));
      const expected = dense.train(x, target)!;
      worst = Math.max(worst, compareNumbers(sparse.train(x, target)!, expected));
      mostDead = Math.max(mostDead, expected.deadLatents);
      tf.dispose([x, target]);
    }
    expect(worst).toBeLessThan(1e-4);
    expect(compareSnapshots(sparse.snapshot(), dense.snapshot(), spec.config.training.beta1)).toBeLessThan(1e-4);
    // Where a case is about dead latents there are some.
    if (training?.deadAfter !== undefined) expect(mostDead).toBeGreaterThan(0);
    if (trainable !== undefined) expectHeld(first, sparse.snapshot(), trainable);
    expect(sparse.finished).toBe(true);
    sparse.dispose();
    dense.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe.each([
  ['native', nativeSparseOps, 400],
  ['plain', plainSparseOps, 120],
])('%s training with bfloat16 moments', (_, ops, steps) => {
  it.each([
    { kind: 'jumprelu', latents: F, bandwidth: 0.1, initThreshold: 0.6, targetL0: 6 },
    { kind: 'batchtopk', latents: F, k: 6 },
  ] as const)('$kind: the loss falls as with float32 ones, and a resumed run equals the whole one bit for bit', (sae) => {
    const shape = { width: d, outWidth: d };
    const specWith = (moments: 'f32' | 'bf16'): ReturnType<typeof resolveSpec> =>
      resolveSpec({ sae, training: { steps, batch: B, learningRate: 3e-3, lrWarmup: 4, sparsityWarmup: 6, logEvery: 1, deadAfter: 2000, moments } }, {}, ARCHITECTURES);
    const begin = Learner.start(specWith('f32'), shape, { scales: { input: 4, output: 4 }, sample: [{ rows: B, values: batch(0) }], factories: [autodiffStep] });
    const start = begin.snapshot();
    begin.dispose();
    const run = (moments: 'f32' | 'bf16', from: LearnerSnapshot, until = steps): { readonly snapshot: LearnerSnapshot; readonly losses: readonly number[] } => {
      const learner = new SparseLearner(specWith(moments), from, { ops });
      const losses: number[] = [];
      while (learner.steps < until) {
        const x = tf.tensor2d(batch(learner.steps), [B, d]);
        losses.push(learner.train(x, x)!.loss);
        x.dispose();
      }
      const snapshot = learner.snapshot();
      learner.dispose();
      return { snapshot, losses };
    };
    const [exact, low] = [run('f32', start), run('bf16', start)];
    const late = (losses: readonly number[]): number => losses.slice(-50).reduce((sum, loss) => sum + loss, 0) / 50;
    expect(late(exact.losses)).toBeLessThan(0.6 * exact.losses[0]!);
    // Rounding moves a run off its course, to either side: over a dozen starts the losses differ by -2% to +1%.
    const excess = late(low.losses) / late(exact.losses) - 1;
    expect(excess).toBeLessThan(0.015);
    expect(excess).toBeGreaterThan(-0.05);
    expect(low.snapshot.params['W_dec']!.data).not.toEqual(exact.snapshot.params['W_dec']!.data);
    expect(run('bf16', run('bf16', start, 70).snapshot).snapshot).toEqual(low.snapshot);
  });
});

it('takes the dense way while most entries are open, the sparse one when few are', () => {
  const phasesWith = (initThreshold: number): readonly string[] => {
    const sae: Case['sae'] = { kind: 'jumprelu', latents: F, initThreshold };
    const spec = resolveSpec({ sae, training: { steps: 1, batch: B } }, {}, ARCHITECTURES);
    const start = Learner.start(spec, { width: d, outWidth: d }, { scales: { input: 4, output: 4 }, sample: [], factories: [autodiffStep] });
    const learner = new SparseLearner(spec, start.snapshot());
    const x = tf.tensor2d(batch(0), [B, d]);
    learner.train(x, x);
    const phases = Object.keys(learner.phases.seconds);
    for (const owner of [start, learner, x]) owner.dispose();
    return phases;
  };
  expect(phasesWith(0.001)).not.toContain('entries');
  expect(phasesWith(5)).toContain('entries');
});

it('declines what it does not compute', () => {
  const spec = (sae: ArchitectureConfig & Record<string, unknown>): unknown => sparseConfig(resolveSpec({ sae }, {}, ARCHITECTURES));
  expect(spec({ kind: 'gated', latents: F })).toBeUndefined();
  expect(spec({ kind: 'standard', latents: F, p: 0.5 })).toBeUndefined();
  expect(spec({ kind: 'batchtopk', latents: F })).toBeDefined();
});
