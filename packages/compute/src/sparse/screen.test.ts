import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { disposeActs, plainSparseOps, sparseOps, tf, useBackend } from '../index.js';
import { SCREEN_PATHS, screenPaths, screened, screenedCodes, screenedLargest } from './native-screen.js';
import type { ScreenPath } from './native-screen.js';
import type { ProductOptions, SparseActs } from './sparse-ops.js';

beforeAll(async () => {
  const info = await useBackend();
  expect(info.nativeOps, info.notice).toBe(true);
});

function matrix(label: string, shape: [number, number], scale = 1): tf.Tensor2D {
  const generator = random(11, label, shape[0], shape[1]);
  return tf.tensor2d(Float32Array.from({ length: shape[0] * shape[1] }, () => scale * generator.normal()), shape);
}

function vector(label: string, n: number, at: number, scale: number): tf.Tensor1D {
  return tf.add(tf.reshape(matrix(label, [1, n], scale), [n]), at) as tf.Tensor1D;
}

/** A row of the batch on a scale of its own, times what each column is multiplied by, plus an offset of each column. */
function batch(rows: number, width: number, columns: { readonly factor?: tf.Tensor1D; readonly offset?: tf.Tensor1D } = {}): tf.Tensor2D {
  const scales = tf.exp(matrix('scales', [rows, 1], 0.7));
  const plain = tf.mul(matrix('x', [rows, width]), scales);
  return tf.add(tf.mul(plain, columns.factor ?? 1), columns.offset ?? 0) as tf.Tensor2D;
}

function listOf(acts: SparseActs): { readonly starts: number[]; readonly row: number[]; readonly value: Float32Array } {
  return { starts: Array.from(acts.starts.dataSync()), row: Array.from(acts.row.dataSync()), value: acts.value.dataSync<'float32'>() };
}

/** Entries of the product in float64, and those so near the threshold that float32 may decide either way. */
function check(x: tf.Tensor2D, W: tf.Tensor2D, options: ProductOptions, got: SparseActs): void {
  const [B, d] = x.shape;
  const F = W.shape[0];
  const [xs, ws, low, bias] = [x.dataSync(), W.dataSync(), options.threshold.dataSync(), options.bias?.dataSync()];
  const { starts, row, value } = listOf(got);
  for (let f = 0; f < F; f++) {
    let e = starts[f] as number;
    for (let r = 0; r < B; r++) {
      let sum = bias?.[f] ?? 0;
      let size = Math.abs(sum);
      for (let i = 0; i < d; i++) {
        const term = (xs[r * d + i] as number) * (ws[f * d + i] as number);
        sum += term;
        size += Math.abs(term);
      }
      const given = e < (starts[f + 1] as number) && row[e] === r;
      const margin = sum - ((low[f] as number) - (options.band ?? 0) * 0.50001);
      if (Math.abs(margin) > 1e-5 * size) expect(given, `row ${r}, latent ${f}: ${sum} against ${low[f] as number}`).toBe(margin > 0);
      if (given) expect(Math.abs((value[e] as number) - sum)).toBeLessThanOrEqual(1e-5 * size);
      if (given) e++;
    }
    expect(e).toBe(starts[f + 1]);
  }
}

const shapes = [[37, 203, 83], [1, 1, 1], [32, 128, 64], [33, 129, 65], [300, 400, 257], [31, 7, 2], [64, 300, 4]] as const;

describe.each(SCREEN_PATHS)('screening, %s', (path: ScreenPath) => {
  const run = (body: () => void): void => {
    const before = tf.memory().numTensors;
    tf.tidy(body);
    expect(tf.memory().numTensors).toBe(before);
  };
  const here = (): boolean => screenPaths().available.includes(path);

  it('selects what the product selects, or says that the processor cannot', () => {
    if (!here()) {
      run(() => {
        expect(() => screened(matrix('x', [4, 8]), matrix('W', [6, 8]), { threshold: tf.zeros([6]) as tf.Tensor1D, path })).toThrow(/lacks the instructions/);
      });
      return;
    }
    for (const [B, F, width] of shapes) {
      run(() => {
        const x = batch(B, width);
        const W = matrix('W', [F, width], 1 / Math.sqrt(width));
        const options = { bias: vector('bias', F, 0, 0.3), threshold: vector('threshold', F, 3.5, 0.2), band: 0.1 };
        check(x, W, options, screened(x, W, { ...options, path })!);
        check(x, W, { threshold: options.threshold }, screened(x, W, { threshold: options.threshold, path })!);
      });
    }
  });

  it('misses nothing where columns dwarf others, rows are zero or thresholds are infinite', () => {
    if (!here()) return;
    const [B, F, width] = [65, 140, 96];
    run(() => {
      const factor = tf.tensor1d(Array.from({ length: width }, (_, i) => (i % 31 === 3 ? 200 : i % 13 === 0 ? 0 : 1)));
      const offset = tf.tensor1d(Array.from({ length: width }, (_, i) => (i === 40 ? 3000 : 0)));
      const x = tf.concat([batch(B - 1, width, { factor, offset }), tf.zeros([1, width])]) as tf.Tensor2D;
      const W = tf.mul(matrix('W', [F, width], 0.1), tf.tensor2d(Array.from({ length: F }, (_, f) => (f === 5 ? 0 : 1)), [F, 1])) as tf.Tensor2D;
      const threshold = tf.tensor1d(Array.from({ length: F }, (_, f) => (f % 17 === 0 ? Infinity : 400 + f)));
      check(x, W, { threshold }, screened(x, W, { threshold, path })!);
    });
  });

  it('leaves crowded thresholds and numbers that are not finite to the product', () => {
    if (!here()) return;
    run(() => {
      const x = batch(64, 48);
      const W = matrix('W', [256, 48]);
      expect(screened(x, W, { threshold: tf.zeros([256]) as tf.Tensor1D, path })).toBeUndefined();
      const spoilt = tf.concat([tf.fill([63, 48], NaN), tf.zeros([1, 48])]) as tf.Tensor2D;
      expect(screened(spoilt, W, { threshold: tf.fill([256], 1e6) as tf.Tensor1D, path })).toBeUndefined();
    });
  });

  it('keeps the largest of the batch, as the product does', () => {
    if (!here()) return;
    for (const [B, F, width] of shapes) {
      for (const count of [0, 1, Math.ceil(B * F * 0.02), B * F]) {
        run(() => {
          const x = batch(B, width);
          const W = matrix('W', [F, width], 1 / Math.sqrt(width));
          const bias = vector('bias', F, 0, 0.3);
          const got = screenedLargest(x, W, { bias, count, path });
          const expected = plainSparseOps.batchTopK(tf.matMul(x, W, false, true), { bias, count });
          // Half of all pairs are positive: where all of them are asked for, or so few are there that no floor can be guessed, the product serves.
          if (got === undefined) {
            expect(count === B * F || B * F < 1000).toBe(true);
            return;
          }
          expect(listOf(got).starts).toEqual(listOf(expected).starts);
          expect(listOf(got).row).toEqual(listOf(expected).row);
        });
      }
    }
  });

  it('gives the same entries by row', () => {
    if (!here()) return;
    run(() => {
      const x = batch(70, 40);
      const W = matrix('W', [150, 40], 0.16);
      const request = { bias: vector('bias', 150, 0, 0.3), threshold: tf.fill([150], 2) as tf.Tensor1D, path };
      const acts = screened(x, W, request)!;
      expect(screenedCodes(x, W, request)).toEqual(sparseOps().codes(acts, acts.value));
      expect(screenedCodes(x, W, { threshold: tf.zeros([150]) as tf.Tensor1D, path })).toBeUndefined();
    });
  });

  it('finds nothing in an empty batch', () => {
    if (!here()) return;
    run(() => {
      const acts = screened(tf.zeros([0, 3]), matrix('W', [5, 3]), { threshold: tf.zeros([5]) as tf.Tensor1D, path })!;
      expect(listOf(acts)).toEqual({ starts: [0, 0, 0, 0, 0, 0], row: [], value: new Float32Array(0) });
    });
  });
});

describe('the way that is used', () => {
  it('is one of those at hand, and none where the product is cheaper', () => {
    const { available, used } = screenPaths();
    expect(available).toContain('plain');
    expect(used).not.toBe('plain');
    expect(sparseOps().canScreen()).toBe(used !== undefined);
    if (used !== undefined) expect(available[0]).toBe(used);
  });

  it('gives the bits of every other way, since float32 decides', () => {
    const x = batch(130, 72);
    const W = matrix('W', [260, 72], 0.12);
    const threshold = tf.fill([260], 2) as tf.Tensor1D;
    const all = screenPaths().available.map((path) => screened(x, W, { threshold, path })!);
    const first = listOf(all[0]!);
    expect(first.row.length).toBeGreaterThan(100);
    for (const acts of all) expect(listOf(acts)).toEqual(first);
    for (const acts of all) disposeActs(acts);
    tf.dispose([x, W, threshold]);
  });

  it('is the product and its selection where there are no native ops', () => {
    const x = batch(20, 12);
    const W = matrix('W', [30, 12]);
    const threshold = tf.fill([30], 2) as tf.Tensor1D;
    const acts = plainSparseOps.sparsifyProduct(x, W, { threshold })!;
    check(x, W, { threshold }, acts);
    disposeActs(acts);
    tf.dispose([x, W, threshold]);
  });
});
