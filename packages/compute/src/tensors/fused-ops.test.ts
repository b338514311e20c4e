import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../backend/use-backend.js';
import { tf } from '../tf.js';
import type { FusedOps } from './fused-ops.js';
import { fusedOps } from './fused-ops.js';

let fused: FusedOps;

beforeAll(async () => {
  await useBackend();
  const found = fusedOps();
  if (found === undefined) throw new Error('the native ops are not loaded');
  fused = found;
});

function draw(label: string, shape: readonly number[], scale = 1): tf.Tensor {
  const numbers = random(1, label);
  return tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * numbers.normal()), [...shape]);
}

function largestError(got: tf.Tensor, want: ArrayLike<number>): number {
  const have = got.dataSync();
  let error = 0;
  for (let i = 0; i < want.length; i++) error = Math.max(error, Math.abs((have[i] as number) - (want[i] as number)));
  return error;
}

describe('fused ops', () => {
  it.each([
    ['gelu-tanh', (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))],
    ['silu', (x: number) => x / (1 + Math.exp(-x))],
  ] as const)('%s equals float64, with and without a factor, at every length and far out', (kind, exact) => {
    for (const n of [1, 15, 16, 17, 40_001]) {
      tf.tidy(() => {
        const x = n === 17 ? tf.linspace(-100, 100, n) : draw('x', [n], 3);
        const times = draw('times', [n]);
        const values = x.dataSync();
        const factors = times.dataSync();
        expect(largestError(fused.gated(kind, x), Array.from(values, exact))).toBeLessThan(5e-6);
        expect(largestError(fused.gated(kind, x, times), Array.from(values, (v, i) => exact(v) * (factors[i] as number)))).toBeLessThan(1e-5);
      });
    }
  });

  it('normalises rows of any width as float64 does', () => {
    for (const width of [5, 192, 2304]) {
      tf.tidy(() => {
        const x = draw('x', [3, 7, width], 20);
        const gain = draw('gain', [width]) as tf.Tensor1D;
        const [values, gains] = [x.dataSync(), gain.dataSync()];
        const want = Float64Array.from(values);
        for (let row = 0; row < 21; row++) {
          let sum = 0;
          for (let i = 0; i < width; i++) sum += (values[row * width + i] as number) ** 2;
          for (let i = 0; i < width; i++) want[row * width + i] = ((values[row * width + i] as number) / Math.sqrt(sum / width + 1e-6)) * (gains[i] as number);
        }
        const got = fused.rmsNorm(x, gain, 1e-6);
        expect(got.shape).toEqual([3, 7, width]);
        expect(largestError(got, want)).toBeLessThan(5e-6);
      });
    }
  });

  it.each([undefined, 50])('attention weights equal the single steps (cap %s); hidden keys weigh exactly 0, a blind query weighs all alike', (cap) => {
    for (const maskRows of [1, 2]) {
      tf.tidy(() => {
        const scores = draw('scores', [2, 3, 5, 37], cap === undefined ? 4 : 0.5) as tf.Tensor4D;
        const hidden = Float32Array.from({ length: maskRows * 5 * 37 }, (_, i) => (i % 37 > 20 || Math.floor(i / 37) === 4 ? -1e30 : 0));
        const mask = tf.tensor4d(hidden, [maskRows, 1, 5, 37]);
        const capped = cap === undefined ? scores : tf.mul(tf.tanh(scores), cap);
        const got = fused.attentionWeights(scores, mask, cap);
        expect(largestError(got, tf.softmax(tf.add(capped, mask)).dataSync())).toBeLessThan(1e-5);
        expect(tf.max(tf.slice(got, [0, 0, 0, 21], [-1, -1, 4, 16])).dataSync()[0]).toBe(0);
        expect(tf.slice(got, [0, 0, 4, 0], [1, 1, 1, 37]).dataSync().every((w) => Math.abs(w - 1 / 37) < 1e-6)).toBe(true);
      });
    }
  });

  it('leaves nothing behind', () => {
    const x = draw('x', [4, 32]);
    const before = tf.memory().numTensors;
    fused.gated('silu', x).dispose();
    fused.rmsNorm(x, tf.tidy(() => tf.keep(tf.ones([32]))) as tf.Tensor1D, 1e-6).dispose();
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});
