import { random } from '@salmon-sae/dataflow';
import { floatToBfloat } from '@salmon-sae/dataflow/safetensors';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bf16Engine, hasNativeBf16, nativeBf16Paths, packBf16, packBf16Words, tf, useBackend } from '../index.js';
import { packedByTensorflow } from './packed-tensorflow.js';
import { rawBackend } from './raw-op.js';

beforeAll(async () => {
  await useBackend();
});

let before = 0;
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors).toBe(before);
});

const draw = random(7, 'packed');
const normal = (n: number): Float32Array => Float32Array.from({ length: n }, () => draw.normal());

function rounded(values: Float32Array): Float64Array {
  const view = new DataView(new ArrayBuffer(4));
  return Float64Array.from(values, (value) => {
    view.setUint32(0, floatToBfloat(value) << 16);
    return view.getFloat32(0);
  });
}

/** Largest difference from the float64 product of the rounded operands, in units of the row norms' product. */
function errorOf(got: Float32Array, x: Float32Array, weight: Float32Array, bias: Float32Array | undefined, [n, k, m]: readonly [number, number, number]): number {
  const [a, b] = [rounded(x), rounded(weight)];
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let sum = bias?.[j] ?? 0;
      for (let t = 0; t < k; t++) sum += (a[i * k + t] as number) * (b[j * k + t] as number);
      worst = Math.max(worst, Math.abs(sum - (got[i * m + j] as number)));
    }
  }
  return worst / k;
}

const SHAPES = [
  [1, 1, 1],
  [3, 31, 5],
  [33, 70, 41],
  [64, 64, 64],
  [300, 129, 17],
  [5, 1100, 130],
  [261, 1030, 129],
] as const;

describe.each(['amx', 'avx512-bf16', 'avx512', 'avx2', 'plain'] as const)('the %s path', (path) => {
  it.each(SHAPES)('multiplies [%i, %i] by [%i outputs] as float64 does with the rounded operands', (n, k, m) => {
    if (!nativeBf16Paths().includes(path)) {
      const weight: tf.Tensor2D = tf.ones([2, 2]);
      if (hasNativeBf16()) expect(() => packBf16(weight, { path })).toThrow(/lacks the instructions/);
      weight.dispose();
      return;
    }
    const [x, weight, bias] = [normal(n * k), normal(m * k), normal(m)];
    tf.tidy(() => {
      const packed = packBf16(tf.tensor2d(weight, [m, k]), { path });
      expect([packed.outputs, packed.inputs]).toEqual([m, k]);
      const input = tf.tensor2d(x, [n, k]);
      const plain = packed.matMul(input);
      expect(plain.shape).toEqual([n, m]);
      expect(errorOf(plain.dataSync<'float32'>(), x, weight, undefined, [n, k, m])).toBeLessThan(2e-6);
      expect(errorOf(packed.matMul(input, tf.tensor1d(bias)).dataSync<'float32'>(), x, weight, bias, [n, k, m])).toBeLessThan(2e-6);
      packed.dispose();
    });
  });

  it('gives every row the same bits, whatever other rows are in the batch', () => {
    if (!nativeBf16Paths().includes(path)) return;
    tf.tidy(() => {
      const packed = packBf16(tf.tensor2d(normal(130 * 1100), [130, 1100]), { path });
      const x = tf.tensor2d(normal(290 * 1100), [290, 1100]);
      const all = packed.matMul(x).dataSync();
      for (const [from, count] of [[0, 1], [250, 40]] as const) {
        expect(packed.matMul(tf.slice(x, [from, 0], [count, 1100])).dataSync()).toEqual(all.slice(from * 130, (from + count) * 130));
      }
      expect(packed.matMul(tf.zeros([0, 1100])).shape).toEqual([0, 130]);
      packed.dispose();
    });
  });
});

describe('packed matrices', () => {
  const [m, k] = [75, 70];
  const weight = normal(m * k);

  it('give rows back as they were rounded', () => {
    tf.tidy(() => {
      const packed = packBf16(tf.tensor2d(weight, [m, k]));
      const got = packed.rows(tf.tensor1d([74, 0, 33, 0], 'int32'));
      expect(got.shape).toEqual([4, k]);
      const exact = bf16Engine() === 'float32' ? Float64Array.from(weight) : rounded(weight);
      expect(Float64Array.from(got.dataSync<'float32'>())).toEqual(Float64Array.from([74, 0, 33, 0].flatMap((row) => [...exact.subarray(row * k, (row + 1) * k)])));
      packed.dispose();
    });
  });

  it('are the same from the words of a file', () => {
    const words = Int32Array.from({ length: (m * k) / 2 }, (_, i) => floatToBfloat(weight[2 * i] as number) | (floatToBfloat(weight[2 * i + 1] as number) << 16));
    tf.tidy(() => {
      const tensor = tf.tensor2d(words, [m, k / 2], 'int32');
      if (!hasNativeBf16()) {
        expect(() => packBf16Words(tensor)).toThrow(/native ops/);
        return;
      }
      const [fromWords, fromFloats] = [packBf16Words(tensor), packBf16(tf.tensor2d(weight, [m, k]))];
      const x = tf.tensor2d(normal(9 * k), [9, k]);
      expect(fromWords.matMul(x).dataSync()).toEqual(fromFloats.matMul(x).dataSync());
      fromWords.dispose();
      fromFloats.dispose();
    });
  });

  it("agree with TensorFlow's kernels to the rounding of their result", () => {
    const backend = rawBackend();
    if (backend === undefined) return;
    tf.tidy(() => {
      const w = tf.tensor2d(weight, [m, k]);
      const x = tf.tensor2d(normal(40 * k), [40, k]);
      const bias = tf.tensor1d(normal(m));
      const [ours, theirs] = [packBf16(w), packedByTensorflow(backend, w)];
      const [a, b] = [ours.matMul(x, bias), theirs.matMul(x, bias)];
      expect((tf.div(tf.norm(tf.sub(a, b)), tf.norm(a)) as tf.Scalar).dataSync()[0]).toBeLessThan(0.004);
      const ids = tf.tensor1d([3, 70], 'int32');
      expect(ours.rows(ids).dataSync()).toEqual(theirs.rows(ids).dataSync());
      ours.dispose();
      theirs.dispose();
    });
  });

  it('keep NaN and infinities', () => {
    tf.tidy(() => {
      const packed = packBf16(tf.tensor2d([1, 0, 0, 1], [2, 2]));
      const out = packed.matMul(tf.tensor2d([NaN, 1, Infinity, 2], [2, 2])).dataSync();
      expect(out[0]).toBeNaN();
      expect(out[2]).toBe(Infinity);
      packed.dispose();
    });
  });

  it('refuse operands that do not fit', () => {
    tf.tidy(() => {
      const packed = packBf16(tf.tensor2d(weight, [m, k]));
      expect(() => packed.matMul(tf.zeros([2, k + 1]))).toThrow(/inner dimensions/);
      packed.dispose();
    });
  });
});
