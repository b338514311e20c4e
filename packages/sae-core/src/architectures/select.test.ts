import { tf, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { offTape } from './off-tape.js';
import { batchTopK, rowTopK, smallestPositive } from './select.js';

beforeAll(async () => {
  await useBackend();
});

const VALUES = [
  [0.1, 3, 2, -1],
  [5, 0.2, 0.3, 4],
];

describe('selection', () => {
  it('keeps the k largest of each row, or the n largest of the batch', () => {
    tf.tidy(() => {
      const v = tf.tensor2d(VALUES);
      expect(rowTopK(v, 2).arraySync()).toEqual([[0, 1, 1, 0], [1, 0, 0, 1]]);
      expect(rowTopK(v, 9).arraySync()).toEqual([[1, 1, 1, 1], [1, 1, 1, 1]]);
      expect(batchTopK(v, 3).arraySync()).toEqual([[0, 1, 0, 0], [1, 0, 0, 1]]);
      expect(batchTopK(v, 0).arraySync()).toEqual([[0, 0, 0, 0], [0, 0, 0, 0]]);
      expect(rowTopK(v.slice([0, 0], [1, 4]), 2).arraySync()).toEqual(batchTopK(v.slice([0, 0], [1, 4]), 2).arraySync());
    });
  });

  it('finds the smallest positive entry, of all or of each row', () => {
    tf.tidy(() => {
      expect(smallestPositive(tf.tensor2d(VALUES)).dataSync()[0]).toBeCloseTo(0.1);
      expect(smallestPositive(tf.zeros([2, 2])).dataSync()[0]).toBe(Infinity);
      expect(Array.from(smallestPositive(tf.tensor2d(VALUES), 1).dataSync())[1]).toBeCloseTo(0.2);
    });
  });

  it('passes the gradient to what was kept, and none through what is off the tape', () => {
    tf.tidy(() => {
      const masked = tf.grad((v) => tf.sum(tf.mul(v, rowTopK(v as tf.Tensor2D, 1))))(tf.tensor2d(VALUES));
      expect(masked.arraySync()).toEqual([[0, 1, 0, 0], [1, 0, 0, 0]]);
      const detached = tf.grad((v) => tf.sum(tf.mul(v, offTape(() => tf.mul(v, 2)))))(tf.tensor1d([3]));
      expect(detached.dataSync()[0]).toBe(6);
    });
  });
});
