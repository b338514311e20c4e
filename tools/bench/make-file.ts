// Writes the activations and starting weights of one shape: node tools/ts-node.mjs tools/bench/make-file.ts d F B file
import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import { K } from './shapes.js';

const [d, F, B] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const file = process.argv[5] as string;
const batches = 4;

/** Rows that are sums of a few of many directions of unequal strength, plus noise, of mean squared norm 1: structured as real activations are. */
function activations(rows: number): Float32Array {
  const generator = random(1, 'bench', d);
  const n = Math.min(4 * d, 4096);
  const directions = Float32Array.from({ length: n * d }, () => generator.normal() / Math.sqrt(d));
  const values = new Float32Array(rows * d);
  for (let r = 0; r < rows; r++) {
    const row = values.subarray(r * d, (r + 1) * d);
    for (let i = 0; i < d; i++) row[i] = (0.5 * generator.normal()) / Math.sqrt(d);
    for (let s = 0; s < 24; s++) {
      const from = Math.floor(n * generator.next() ** 2) * d;
      const strength = -0.2 * Math.log(1 - generator.next());
      for (let i = 0; i < d; i++) row[i] = (row[i] as number) + strength * (directions[from + i] as number);
    }
  }
  let squares = 0;
  for (const v of values) squares += v * v;
  const scale = 1 / Math.sqrt(squares / rows);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * scale;
  return values;
}

await useBackend();
const x = activations(batches * B);
const generator = random(2, 'bench', F);
const rows = new Float32Array(F * d);
for (let f = 0; f < F; f++) {
  let squares = 0;
  for (let i = f * d; i < (f + 1) * d; i++) squares += (rows[i] = generator.normal()) ** 2;
  for (let i = f * d; i < (f + 1) * d; i++) rows[i] = (rows[i] as number) / Math.sqrt(squares);
}
// The threshold at which K latents are active on average: the steady state of training, where both sides spend their time.
const threshold = tf.tidy(() => {
  const pre = tf.matMul(tf.tensor2d(x.subarray(0, 64 * d), [64, d]), tf.tensor2d(rows, [F, d]), false, true);
  const top = tf.topk(tf.reshape(pre, [1, -1]), 64 * K, true).values;
  return tf.min(top).dataSync()[0] as number;
});
await writeSafetensors(file, {
  activations: { shape: [batches * B, d], data: x },
  W_dec: { shape: [F, d], data: rows },
  threshold: { shape: [1], data: Float32Array.of(threshold) },
});
