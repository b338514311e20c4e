// Times encoding to sparse codes and decoding on a file of activations and prints one JSON object:
//   node tools/ts-node.mjs tools/bench/infer.ts --file F --batch 2048 --steps 5 --warmup 2
import { parseArgs } from 'node:util';
import { memoryReport, useBackend } from '@salmon-sae/compute';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { openSae } from '@salmon-sae/sae-core';
import { transpose } from './transpose.js';

const { values: given } = parseArgs({
  options: { file: { type: 'string' }, batch: { type: 'string' }, steps: { type: 'string', default: '5' }, warmup: { type: 'string', default: '2' } },
});
const info = await useBackend();
const reader = await openSafetensors(given.file as string);
const [x, rows, threshold] = await Promise.all(['activations', 'W_dec', 'threshold'].map((name) => reader.read(name)));
await reader.close();
const [F, d] = rows!.shape as [number, number];
const B = Number(given.batch);
const sae = openSae({
  config: { kind: 'jumprelu', apply_b_dec_to_input: false },
  weights: {
    W_enc: { shape: [d, F], data: transpose(rows!.data, F, d) },
    W_dec: rows!,
    b_enc: { shape: [F], data: new Float32Array(F) },
    b_dec: { shape: [d], data: new Float32Array(d) },
    threshold: { shape: [F], data: new Float32Array(F).fill(threshold!.data[0]!) },
  },
  scale: 1,
  site: { model: 'bench', hook: 'resid_post.0', width: d },
  trained: { tokens: 0, steps: 0, seed: 0, versions: {}, facts: {} },
});

const seconds: number[] = [];
const phases = { encode: 0, decode: 0 };
for (let i = 0, at = 0; i < Number(given.warmup) + Number(given.steps); i++, at += B) {
  if (at + B > x!.shape[0]!) at = 0;
  const batch = x!.data.subarray(at * d, (at + B) * d);
  const began = performance.now();
  const codes = sae.encode(batch, B);
  const encoded = performance.now();
  sae.decode(codes);
  const ended = performance.now();
  if (i < Number(given.warmup)) continue;
  seconds.push((ended - began) / 1000);
  phases.encode += (encoded - began) / 1000 / Number(given.steps);
  phases.decode += (ended - encoded) / 1000 / Number(given.steps);
}
const peakBytes = memoryReport().peakBytes;
const first = x!.data.subarray(0, B * d);
const { codes, recon } = sae.run(first, B);
const mse = recon.reduce((sum, value, i) => sum + (value - first[i]!) ** 2, 0) / B;
process.stdout.write(`${JSON.stringify({ who: 'salmon', seconds, phases, peakBytes, mse, l0: codes.indices.length / B, backend: info.name, nativeOps: info.nativeOps, version: info.libtensorflow })}\n`);
sae.dispose();
