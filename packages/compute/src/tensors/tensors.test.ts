import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { bf16MatMul, fromTensor, hasBf16, memoryReport, tf, toTensor, useBackend } from '../index.js';

beforeAll(async () => {
  await useBackend();
});

describe('arrays and tensors', () => {
  it('go back and forth without sharing what comes back', () => {
    tf.tidy(() => {
      const array = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
      const tensor = toTensor(array);
      expect(tensor.shape).toEqual([2, 3]);
      const back = fromTensor(tensor);
      expect(back).toEqual(array);
      back.data[0] = 99;
      expect(tensor.dataSync()[0]).toBe(1);
    });
  });

  it('refuse a shape that does not fit, and other types', () => {
    expect(() => toTensor({ shape: [4], data: new Float32Array(3) })).toThrow(/4 values for shape \[4\].*3 values/);
    tf.tidy(() => {
      expect(() => fromTensor(tf.tensor1d([1], 'int32'))).toThrow(/float32/);
    });
  });
});

describe('bf16MatMul', () => {
  const draw = random(5, 'bf16');
  const make = (rows: number, columns: number): tf.Tensor2D => tf.tensor2d(Float32Array.from({ length: rows * columns }, () => draw.normal()), [rows, columns]);

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('is the product to bfloat16 rounding (transposeA %s, transposeB %s)', (transposeA, transposeB) => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const a = transposeA ? make(70, 33) : make(33, 70);
      const b = transposeB ? make(41, 70) : make(70, 41);
      const exact = tf.matMul(a, b, transposeA, transposeB);
      const low = bf16MatMul(a, b, { transposeA, transposeB });
      const error = (tf.div(tf.norm(tf.sub(low, exact)), tf.norm(exact)) as tf.Scalar).dataSync()[0]!;
      expect(error).toBeLessThan(0.006);
      // Operands with 8 bits of mantissa cannot give the float32 product.
      if (hasBf16()) expect(error).toBeGreaterThan(1e-4);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('survives sizes at which several threads work', () => {
    tf.tidy(() => {
      const a = make(300, 512);
      const product = bf16MatMul(a, a, { transposeB: true });
      expect(product.shape).toEqual([300, 300]);
      expect(Number.isFinite(tf.sum(product).dataSync()[0])).toBe(true);
    });
  });

  it('refuses matrices that do not fit', () => {
    tf.tidy(() => {
      expect(() => bf16MatMul(make(2, 3), make(2, 3))).toThrow(/inner dimensions/);
    });
  });
});

it('reports memory', () => {
  const before = memoryReport();
  const tensor = tf.ones([1000]);
  const after = memoryReport();
  expect(after.tensors - before.tensors).toBe(1);
  expect(after.tensorBytes - before.tensorBytes).toBe(4000);
  expect(after.peakBytes).toBeGreaterThanOrEqual(after.residentBytes / 2);
  tensor.dispose();
});
