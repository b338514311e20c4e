import { nativeSparseOps, plainSparseOps, tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ArchitectureConfig } from '../architectures/architecture.js';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { autodiffStep } from '../train/autodiff-step.js';
import type { LearnerSnapshot, StepNumbers } from '../train/learner.js';
import { Learner } from '../train/learner.js';
import { resolveSpec } from '../train/train-spec.js';
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
}

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
  it.each(cases)('$name: 20 steps equal the dense ones to 1e-4, a resumed run goes on, nothing leaks', ({ sae, training }) => {
    const before = tf.memory().numTensors;
    const spec = resolveSpec({ sae, training: { steps: STEPS, batch: B, learningRate: 3e-3, lrWarmup: 4, sparsityWarmup: 6, logEvery: 1, ...training } }, {}, ARCHITECTURES);
    expect(sparseConfig(spec)).toBeDefined();
    const shape = { width: d, outWidth: d };
    const dense = Learner.start(spec, shape, { scales: { input: 4, output: 4 }, sample: [{ rows: B, values: batch(0) }], factories: [autodiffStep] });
    let sparse = new SparseLearner(spec, dense.snapshot(), options);
    let worst = 0;
    for (let step = 0; step < STEPS; step++) {
      if (step === 12) {
        const snapshot = sparse.snapshot();
        sparse.dispose();
        sparse = new SparseLearner(spec, snapshot, options);
      }
      const x = tf.tensor2d(batch(step), [B, d]);
      const expected = dense.train(x, x)!;
      worst = Math.max(worst, compareNumbers(sparse.train(x, x)!, expected));
      x.dispose();
    }
    expect(worst).toBeLessThan(1e-4);
    expect(compareSnapshots(sparse.snapshot(), dense.snapshot(), spec.config.training.beta1)).toBeLessThan(1e-4);
    expect(sparse.finished).toBe(true);
    sparse.dispose();
    dense.dispose();
    expect(tf.memory().numTensors).toBe(before);
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
  expect(spec({ kind: 'topk', latents: F, rescaleByDecoderNorm: true })).toBeUndefined();
  expect(spec({ kind: 'jumprelu', latents: F, sparsity: 'tanh' })).toBeUndefined();
  expect(spec({ kind: 'standard', latents: F, normWeighted: true })).toBeUndefined();
  expect(spec({ kind: 'batchtopk', latents: F })).toBeDefined();
});
