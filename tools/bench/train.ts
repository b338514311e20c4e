// Times our own trainer on a file of activations and prints one JSON object:
//   node tools/ts-node.mjs tools/bench/train.ts --file F --arch jumprelu --batch 2048 --steps 5 --warmup 2 [--dense] [--bf16] [--moments bf16] [--no-measure]
import { parseArgs } from 'node:util';
import { memoryReport, sparseOps, tf, useBackend } from '@salmon-sae/compute';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { ARCHITECTURES, SparseLearner, resolveSpec, startLearner } from '@salmon-sae/sae-core';
import { BANDWIDTH, K, LEARNING_RATE } from './shapes.js';
import { transpose } from './transpose.js';

const { values: given } = parseArgs({
  options: {
    file: { type: 'string' },
    arch: { type: 'string' },
    batch: { type: 'string' },
    k: { type: 'string', default: String(K) },
    steps: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '2' },
    dense: { type: 'boolean', default: false },
    bf16: { type: 'boolean', default: false },
    moments: { type: 'string', default: 'f32' },
    'no-measure': { type: 'boolean', default: false },
    roofline: { type: 'boolean', default: false },
  },
});
const info = await useBackend();
const reader = await openSafetensors(given.file as string);
const [x, rows, threshold] = await Promise.all(['activations', 'W_dec', 'threshold'].map((name) => reader.read(name)));
await reader.close();
const [F, d] = rows!.shape as [number, number];
const B = Number(given.batch);
const k = Number(given.k);
const warmup = Number(given.warmup);
const steps = Number(given.steps);

const common = { latents: F, decoderBiasInit: 'zero', applyDecoderBiasToInput: given.arch === 'batchtopk' };
const sae =
  given.arch === 'jumprelu'
    ? { kind: 'jumprelu', ...common, targetL0: k, bandwidth: BANDWIDTH, initThreshold: threshold!.data[0]!, l0SteOn: 'post' }
    : { kind: 'batchtopk', ...common, k };
const training = { steps: warmup + steps, batch: B, learningRate: LEARNING_RATE, lrWarmup: 0, lrDecay: 0, sparsityWarmup: 0, normalize: 'none' as const, deadAfter: 1e7, logEvery: 1e9, moments: given.moments as 'f32' | 'bf16', precision: given.bf16 ? ('bfloat16-encoder' as const) : ('float32' as const) };
const spec = resolveSpec({ id: 'bench', sae, training }, {}, ARCHITECTURES);
const learner = startLearner(spec, { width: d, outWidth: d }, {
  steps: undefined,
  arithmetic: given.dense ? 'dense' : 'auto',
  scales: { input: 1, output: 1 },
  sample: [],
  initial: { W_dec: rows!, W_enc: { shape: [d, F], data: transpose(rows!.data, F, d) } },
});

const seconds: number[] = [];
const before: Record<string, number> = {};
const perStep: Record<string, number> = {};
const phases = learner instanceof SparseLearner ? learner.phases.seconds : {};
for (let i = 0, at = 0; i < warmup + steps; i++, at += B) {
  if (at + B > x!.shape[0]!) at = 0;
  const began = performance.now();
  const batch = tf.tensor2d(x!.data.subarray(at * d, (at + B) * d), [B, d]);
  learner.train(batch, batch);
  batch.dispose();
  if (i >= warmup) seconds.push((performance.now() - began) / 1000);
  if (i === warmup - 1) Object.assign(before, phases);
}
for (const [name, total] of Object.entries(phases)) perStep[name] = (total - (before[name] ?? 0)) / steps;
const peakBytes = memoryReport().peakBytes;
// The dense check of the loss holds several [batch, latents] matrices: left out where memory is what is looked at.
const { mse, l0, firing } = given['no-measure'] ? { mse: null, l0: null, firing: null } : measure();
const roofline = given.roofline ? measureRoofline() : undefined;
process.stdout.write(
  `${JSON.stringify({ who: given.dense ? 'salmon dense' : given.bf16 ? 'salmon bf16' : 'salmon', seconds, phases: perStep, peakBytes, mse, l0, firing, momentum: spec.config.training.beta1 > 0, roofline, backend: info.name, nativeOps: info.nativeOps, version: info.libtensorflow })}\n`,
);
learner.dispose();

/** Loss, L0 and the number of latents that fire on the first batch, with the weights as they now stand, computed densely. */
function measure(): { mse: number; l0: number; firing: number } {
  const { params } = learner.snapshot();
  const [mse, l0, firing] = tf.tidy(() => {
    const batch = tf.tensor2d(x!.data.subarray(0, B * d), [B, d]);
    const bDec = tf.tensor1d(params['b_dec']!.data);
    const input = given.arch === 'batchtopk' ? tf.sub(batch, bDec) : batch;
    const pre = tf.add(tf.matMul(input, tf.tensor2d(params['W_enc']!.data, [d, F])), tf.tensor1d(params['b_enc']!.data));
    const limit = given.arch === 'batchtopk' ? tf.min(tf.topk(tf.reshape(pre, [1, -1]), Math.floor(k * B), false).values) : tf.tensor1d(params['threshold']!.data);
    const gate = given.arch === 'batchtopk' ? tf.greaterEqual(pre, limit) : tf.greater(pre, limit);
    const codes = tf.mul(pre, tf.cast(gate, 'float32'));
    const recon = tf.add(tf.matMul(codes, tf.tensor2d(params['W_dec']!.data, [F, d])), bDec);
    const error = tf.div(tf.sum(tf.square(tf.sub(recon, batch))), B).dataSync()[0]!;
    return [error, tf.sum(tf.cast(gate, 'float32')).dataSync()[0]! / B, tf.sum(tf.max(tf.cast(gate, 'float32'), 0)).dataSync()[0]!];
  }) as unknown as [number, number, number];
  return { mse, l0, firing };
}

/** What the machine can do at this moment: dense products of the encoder's shape, streaming reads, and updates in place (bytes read and written). */
function measureRoofline(): { gflops: number; readGBs: number; updateGBs: number } {
  const n = Math.min(F, Math.max(256, Math.floor(24e6 / 4 / B / 64) * 64));
  const a = tf.randomNormal([B, d]) as tf.Tensor2D;
  const b = tf.randomNormal([n, d]) as tf.Tensor2D;
  const product = best(5, () => tf.matMul(a, b, false, true).dispose());
  const ops = sparseOps();
  const gradient = ops.rowGradient(65_536, 1024);
  const filled = tf.ones([65_536, 1024]) as tf.Tensor2D;
  ops.setRows(gradient, 0, filled).dispose();
  const read = best(5, () => ops.squaredNorm(gradient).dispose());
  const owned = ops.own(filled);
  const update = best(5, () => ops.normaliseRows(owned));
  for (const owner of [a, b, filled, gradient, owned]) owner.dispose();
  const bytes = 65_536 * 1024 * 4;
  return { gflops: (2 * B * d * n) / product / 1e9, readGBs: bytes / read / 1e9, updateGBs: (2 * bytes) / update / 1e9 };
}

function best(times: number, work: () => void): number {
  let least = Infinity;
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    work();
    least = Math.min(least, (performance.now() - began) / 1000);
  }
  return least;
}
