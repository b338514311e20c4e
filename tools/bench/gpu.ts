// Tokens per second of SAE training on a GPU through WebGPU, beside PyTorch's on the same card where python3 has torch:
//   node tools/ts-node.mjs tools/bench/gpu.ts [--shapes "d,F,B;..."] [--arch jumprelu,batchtopk] [--steps 20] [--warmup 5] [--python python3] [--no-torch] [--json]
// Also the entry of the bundle that tools/bench/bundle.mjs makes for machines without salmon.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { sparseOps, tf, useBackend } from '@salmon-sae/compute';
import { ARCHITECTURES, SparseLearner, resolveSpec, startLearner } from '@salmon-sae/sae-core';
import { activations, decoderRows, steadyThreshold } from './bench-data.js';
import type { Arch, Shape } from './shapes.js';
import { ARCHES, BANDWIDTH, K, LEARNING_RATE, SHAPES, nameOf } from './shapes.js';
import { transpose } from './transpose.js';

interface Timing {
  readonly who: string;
  readonly device: string;
  readonly tokensPerSecond: number;
  readonly mse: number;
  readonly phases?: Readonly<Record<string, number>>;
}

const { values: given } = parseArgs({
  options: {
    shapes: { type: 'string' },
    arch: { type: 'string', default: ARCHES.join(',') },
    steps: { type: 'string', default: '20' },
    warmup: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
    'no-torch': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const steps = Number(given.steps);
const warmup = Number(given.warmup);
const shapes: readonly Shape[] = given.shapes === undefined ? SHAPES : given.shapes.split(';').map(parseShape);
const arches = given.arch.split(',').filter((name): name is Arch => ARCHES.includes(name as Arch));

process.env['SALMON_BACKEND'] ??= 'webgpu';
const info = await useBackend();
const torchLoop = [path.join(import.meta.dirname, 'torch-loop.py'), path.join(import.meta.dirname, 'peers/torch-loop.py')].find(existsSync);
const hasTorch = !given['no-torch'] && torchLoop !== undefined && spawnSync(given.python, ['-c', 'import torch']).status === 0;
if (!hasTorch && !given['no-torch']) console.error(`notice: ${given.python} has no torch, only salmon is timed`);
console.error(`${info.name} on ${info.gpu ?? os.cpus()[0]?.model ?? 'unknown'}, ${sparseOps().kind} sparse ops`);

const results: { readonly shape: Shape; readonly arch: Arch; readonly timings: readonly Timing[] }[] = [];
for (const shape of shapes) {
  const x = activations(shape.d, 2 * shape.B);
  const rows = decoderRows(shape.F, shape.d);
  const threshold = steadyThreshold(x, rows, shape.d);
  for (const arch of arches) {
    const timings = [ours(shape, arch, { x, rows, threshold }), ...(hasTorch ? torch(shape, arch, { x, rows, threshold }) : [])];
    results.push({ shape, arch, timings });
    if (!given.json) print(shape, arch, timings);
  }
}
if (given.json) console.log(JSON.stringify({ backend: info, results }));

interface Data {
  readonly x: Float32Array;
  readonly rows: Float32Array;
  readonly threshold: number;
}

function ours({ d, F, B }: Shape, arch: Arch, { x, rows, threshold }: Data): Timing {
  const common = { latents: F, decoderBiasInit: 'zero', applyDecoderBiasToInput: arch === 'batchtopk' };
  const k = Math.min(K, F);
  const sae = arch === 'jumprelu' ? { kind: 'jumprelu', ...common, targetL0: k, bandwidth: BANDWIDTH, initThreshold: threshold, l0SteOn: 'post' } : { kind: 'batchtopk', ...common, k };
  const training = { steps: warmup + steps, batch: B, learningRate: LEARNING_RATE, lrWarmup: 0, lrDecay: 0, sparsityWarmup: 0, normalize: 'none' as const, deadAfter: 1e7, logEvery: warmup + steps };
  const learner = startLearner(
    resolveSpec({ id: 'bench', sae, training }, {}, ARCHITECTURES),
    { width: d, outWidth: d },
    {
      steps: undefined,
      arithmetic: 'auto',
      scales: { input: 1, output: 1 },
      sample: [],
      initial: { W_dec: { shape: [F, d], data: rows }, W_enc: { shape: [d, F], data: transpose(rows, F, d) } },
    },
  );
  const phases: Readonly<Record<string, number>> = learner instanceof SparseLearner ? learner.phases.seconds : {};
  let before: Record<string, number> = {};
  let began = 0;
  let mse = NaN;
  for (let i = 0; i < warmup + steps; i++) {
    if (i === warmup) {
      finish();
      before = { ...phases };
      began = performance.now();
    }
    const batch = tf.tensor2d(x.subarray((i % 2) * B * d, ((i % 2) + 1) * B * d), [B, d]);
    mse = learner.train(batch, batch)?.parts['mse'] ?? mse;
    batch.dispose();
  }
  finish();
  const seconds = (performance.now() - began) / 1000;
  learner.dispose();
  const perStep = Object.fromEntries(Object.entries(phases).map(([name, total]) => [name, (total - (before[name] ?? 0)) / steps]));
  return { who: 'salmon', device: info.gpu ?? info.name, tokensPerSecond: (steps * B) / seconds, mse, phases: perStep };
}

/** Waits until everything queued on the GPU is done. */
function finish(): void {
  tf.tidy(() => tf.add(tf.tensor1d(new Float32Array(2048)), 1).dataSync());
}

function torch({ d, F, B }: Shape, arch: Arch, { x, rows, threshold }: Data): Timing[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'salmon-gpu-'));
  try {
    writeFileSync(path.join(folder, 'x.bin'), x);
    writeFileSync(path.join(folder, 'rows.bin'), rows);
    const numbers = { d, latents: F, batch: B, k: Math.min(K, F), steps, warmup, threshold, bandwidth: BANDWIDTH, 'learning-rate': LEARNING_RATE };
    const flags = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const result = spawnSync(given.python, [torchLoop as string, '--folder', folder, '--arch', arch, ...flags], { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`PyTorch failed: ${result.stderr}`);
    return JSON.parse(result.stdout.trim().split('\n').at(-1) as string) as Timing[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function print(shape: Shape, arch: Arch, timings: readonly Timing[]): void {
  const [first] = timings;
  console.log(`\n${arch}, ${nameOf(shape)}`);
  for (const { who, device, tokensPerSecond, mse } of timings) {
    const ratio = (first as Timing).tokensPerSecond / tokensPerSecond;
    console.log(`  ${who.padEnd(16)} ${tokensPerSecond.toFixed(0).padStart(9)} tokens/s   ${who === 'salmon' ? '       ' : `${ratio.toFixed(2)} x`.padStart(7)}   mse ${mse.toFixed(4)}   ${device}`);
  }
  // Work that is only queued counts where the next read waits for it.
  for (const [name, seconds] of Object.entries(first?.phases ?? {})) console.log(`    ${name.padEnd(20)} ${(seconds * 1000).toFixed(2).padStart(8)} ms`);
}

function parseShape(text: string): Shape {
  const [d, F, B] = text.split(',').map(Number);
  if (![d, F, B].every((n) => Number.isInteger(n) && (n as number) > 0)) throw new Error(`a shape is d,F,B, not "${text}"`);
  return { d, F, B } as Shape;
}
