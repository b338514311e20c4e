import { tf } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { K } from './shapes.js';

/** Rows that are sums of a few of many directions of unequal strength, plus noise, of mean squared norm 1: structured as real activations are. */
export function activations(d: number, rows: number): Float32Array {
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

/** Random decoder rows of unit length, [F, d]. */
export function decoderRows(F: number, d: number): Float32Array {
  const generator = random(2, 'bench', F);
  const rows = new Float32Array(F * d);
  for (let f = 0; f < F; f++) {
    let squares = 0;
    for (let i = f * d; i < (f + 1) * d; i++) squares += (rows[i] = generator.normal()) ** 2;
    for (let i = f * d; i < (f + 1) * d; i++) rows[i] = (rows[i] as number) / Math.sqrt(squares);
  }
  return rows;
}

/** The threshold at which K latents are active on average: the steady state of training, where both sides spend their time. */
export function steadyThreshold(x: Float32Array, rows: Float32Array, d: number): number {
  return tf.tidy(() => {
    const n = Math.min(64, x.length / d);
    const pre = tf.matMul(tf.tensor2d(x.subarray(0, n * d), [n, d]), tf.tensor2d(rows, [rows.length / d, d]), false, true);
    const top = tf.topk(tf.reshape(pre, [1, -1]), Math.min(n * K, pre.size), true).values;
    return tf.min(top).dataSync()[0] as number;
  });
}
