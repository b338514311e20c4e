import { createRequire } from 'node:module';
import os from 'node:os';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { adam, disposeActs, ensureEngine, nativeSparseOps, plainSparseOps, tf, useBackend, webGpuSparseOps } from '../index.js';
import type { SparseActs, SparseOps } from './sparse-ops.js';

/** The same contract runs once more in a process on WebGPU. */
const onWebGpu = process.env['SALMON_BACKEND'] === 'webgpu';

beforeAll(async () => {
  const info = await useBackend();
  expect(onWebGpu ? info.name === 'webgpu' : info.nativeOps, info.notice).toBe(true);
});

const rows = 37;
const latents = 203;
const d = 83;

function normals(label: string, n: number, scale = 1): Float32Array {
  const generator = random(7, label);
  return Float32Array.from({ length: n }, () => scale * generator.normal());
}

function matrix(label: string, shape: [number, number], scale = 1): tf.Tensor2D {
  return tf.tensor2d(normals(label, shape[0] * shape[1], scale), shape);
}

/** [B, F] with the given value per entry, 0 elsewhere. */
function densify(ops: SparseOps, acts: SparseActs, values: tf.Tensor1D): tf.Tensor2D {
  const codes = ops.codes(acts, values);
  const out = new Float32Array(acts.rows * acts.latents);
  for (let r = 0; r < acts.rows; r++) {
    for (let e = codes.indptr[r] as number; e < (codes.indptr[r + 1] as number); e++) out[r * acts.latents + (codes.indices[e] as number)] = codes.values[e] as number;
  }
  return tf.tensor2d(out, [acts.rows, acts.latents]);
}

function error(a: tf.Tensor, b: tf.Tensor): number {
  return tf.tidy(() => (tf.div(tf.norm(tf.sub(a, b)), tf.add(tf.norm(b), 1e-12)) as tf.Scalar).dataSync()[0] as number);
}

/** The k largest positive values of a list, others 0. */
function topOf(values: Float32Array, k: number): Float32Array {
  const order = Array.from(values.keys()).sort((a, b) => (values[b] as number) - (values[a] as number));
  const out = new Float32Array(values.length);
  for (const i of order.slice(0, k)) out[i] = Math.max(0, values[i] as number);
  return out;
}

const implementations: readonly (readonly [string, SparseOps])[] = onWebGpu
  ? [['webgpu', webGpuSparseOps]]
  : [
      ['native', nativeSparseOps],
      ['plain', plainSparseOps],
    ];

describe.each(implementations)('%s sparse ops', (_, ops) => {
  const inTidy = (name: string, body: () => void): void => {
    it(name, () => {
      const before = tf.memory().numTensors;
      tf.tidy(body);
      expect(tf.memory().numTensors).toBe(before);
    });
  };

  inTidy('sparsify keeps what is above the threshold, and the band below it', () => {
    const pre = matrix('pre', [rows, latents]);
    const bias = tf.tensor1d(normals('bias', latents, 0.3));
    const threshold = tf.tensor1d(normals('threshold', latents, 0.2).map((t) => 0.8 + t));
    const full = tf.add(pre, bias);
    const sharp = ops.sparsify(pre, { bias, threshold });
    expect(error(densify(ops, sharp, sharp.value), tf.mul(full, tf.cast(tf.greater(full, threshold), 'float32')))).toBeLessThan(1e-6);
    const banded = ops.sparsify(pre, { bias, threshold, band: 0.5 });
    const near = tf.greater(full, tf.sub(threshold, 0.25));
    expect(banded.nnz).toBe(tf.sum(tf.cast(near, 'int32')).dataSync()[0]);
    expect(banded.nnz).toBeGreaterThan(sharp.nnz);
    expect(error(densify(ops, banded, banded.value), tf.mul(full, tf.cast(near, 'float32')))).toBeLessThan(1e-6);
    const starts = banded.starts.dataSync();
    expect(starts[latents]).toBe(banded.nnz);
    const row = banded.row.dataSync();
    for (let f = 0; f < latents; f++) for (let e = (starts[f] as number) + 1; e < (starts[f + 1] as number); e++) expect(row[e]).toBeGreaterThan(row[e - 1] as number);
  });

  inTidy('finds the least entry of each row', () => {
    const pre = matrix('pre', [rows, latents]);
    const acts = ops.sparsify(pre, { threshold: tf.fill([latents], 2.4) as tf.Tensor1D });
    const expected = tf.min(tf.where(tf.greater(pre, 2.4), pre, tf.fill(pre.shape, Infinity)), 1);
    expect(Array.from(expected.dataSync())).toContain(Infinity);
    expect(Array.from(ops.leastByRow(acts).dataSync())).toEqual(Array.from(expected.dataSync()));
  });

  inTidy('codes decode as their entries do, divided where there are divisors', () => {
    // A decoder that fits into the caches, and one that does not.
    for (const [F, width] of [[latents, d], [9000, 130]] as const) {
      const pre = matrix('pre', [rows, F]);
      const acts = ops.topK(pre, { k: 9 });
      const codes = ops.codes(acts, acts.value);
      const decoder = { rows: matrix('W', [F, width]), bias: tf.tensor1d(normals('b_dec', width)) };
      const divisor = tf.tensor1d(normals('divisor', F).map((v) => 1.5 + Math.abs(v)));
      expect(error(ops.decodeCodes(codes, decoder), ops.decode(acts, acts.value, decoder))).toBeLessThan(1e-6);
      const divided = tf.div(acts.value, ops.expandByLatent(acts, divisor)) as tf.Tensor1D;
      expect(error(ops.decodeCodes(codes, { ...decoder, divisor }), ops.decode(acts, divided, decoder))).toBeLessThan(1e-6);
      expect(error(ops.decodeCodes(codes, { rows: decoder.rows }), ops.decode(acts, acts.value, { rows: decoder.rows }))).toBeLessThan(1e-6);
    }
  });

  inTidy('an empty selection works everywhere', () => {
    const pre = matrix('pre', [rows, latents]);
    const acts = ops.sparsify(pre, { threshold: tf.fill([latents], 1e9) as tf.Tensor1D });
    expect(acts.nnz).toBe(0);
    const bias = tf.tensor1d(normals('b_dec', d));
    const decoder = matrix('W', [latents, d]);
    expect(error(ops.decode(acts, acts.value, { rows: decoder, bias }), tf.broadcastTo(bias, [rows, d]))).toBe(0);
    expect(ops.codes(acts, acts.value).indices.length).toBe(0);
    expect(ops.dots(acts, matrix('x', [rows, d]), decoder).shape).toEqual([0]);
  });

  inTidy('topK keeps the k largest positives of each row', () => {
    const pre = matrix('pre', [rows, 1203]);
    const bias = tf.tensor1d(normals('bias', 1203, 0.3));
    const full = tf.add(pre, bias).dataSync() as Float32Array;
    for (const k of [0, 1, 9, 700, 2000]) {
      const acts = ops.topK(pre, { bias, k });
      const expected = new Float32Array(full.length);
      for (let r = 0; r < rows; r++) expected.set(topOf(full.subarray(r * 1203, (r + 1) * 1203), k), r * 1203);
      expect(error(densify(ops, acts, acts.value), tf.tensor2d(expected, [rows, 1203]))).toBeLessThan(1e-6);
    }
  });

  inTidy('batchTopK keeps the largest of the batch, above the floor', () => {
    const pre = matrix('pre', [rows, latents]);
    const full = pre.dataSync() as Float32Array;
    for (const count of [0, 1, 180, 3000, 100_000]) {
      const acts = ops.batchTopK(pre, { count });
      expect(error(densify(ops, acts, acts.value), tf.tensor2d(topOf(full, count), [rows, latents]))).toBeLessThan(1e-6);
    }
    const floored = ops.batchTopK(pre, { count: 3000, floor: tf.scalar(1.5) });
    expect(floored.nnz).toBe(full.filter((v) => v > 1.5).length);
  });

  inTidy('tiles over latents, joined and pruned, equal the whole', () => {
    const pre = matrix('pre', [rows, latents]);
    const tiles = [pre.slice([0, 0], [rows, 100]), pre.slice([0, 100], [rows, 3]), pre.slice([0, 103], [rows, 100])];
    const joined = ops.concat(tiles.map((tile) => ops.topK(tile, { k: 7 })));
    const kept = ops.keepTopK(joined, 7);
    const whole = ops.topK(pre, { k: 7 });
    expect(kept.nnz).toBe(whole.nnz);
    expect(error(densify(ops, kept, kept.value), densify(ops, whole, whole.value))).toBe(0);
    const batch = ops.keepTop(ops.concat(tiles.map((tile) => ops.batchTopK(tile, { count: 150 }))), 150);
    const wholeBatch = ops.batchTopK(pre, { count: 150 });
    expect(error(densify(ops, batch.acts, batch.acts.value), densify(ops, wholeBatch, wholeBatch.value))).toBe(0);
    expect(batch.least.dataSync()[0]).toBe(tf.min(wholeBatch.value).dataSync()[0]);
    expect(ops.keepTop(wholeBatch, 1000).least.dataSync()[0]).toBe(0);
  });

  inTidy('products equal the dense ones', () => {
    const pre = matrix('pre', [rows, latents]);
    const acts = ops.topK(pre, { k: 11 });
    const dense = densify(ops, acts, acts.value);
    const W = matrix('W', [latents, d]);
    const x = matrix('x', [rows, d]);
    const bias = tf.tensor1d(normals('b_dec', d));
    const decoded = tf.add(tf.matMul(dense, W), bias);
    expect(error(ops.decode(acts, acts.value, { rows: W, bias }), decoded)).toBeLessThan(1e-6);
    expect(error(ops.decode(acts, acts.value, { rows: W }), tf.matMul(dense, W))).toBeLessThan(1e-6);
    const { residual, squares } = ops.residual(acts, acts.value, { rows: W, bias, target: x });
    expect(error(residual, tf.sub(decoded, x))).toBeLessThan(1e-6);
    expect(error(squares, tf.sum(tf.square(tf.sub(decoded, x))))).toBeLessThan(1e-5);
    const mask = tf.cast(tf.notEqual(dense, 0), 'float32');
    expect(error(densify(ops, acts, ops.dots(acts, x, W)), tf.mul(tf.matMul(x, W, false, true), mask))).toBeLessThan(1e-6);
    expect(error(ops.sumByLatent(acts, acts.value), tf.sum(dense, 0))).toBeLessThan(1e-6);
    const perLatent = tf.tensor1d(normals('perLatent', latents));
    expect(error(densify(ops, acts, ops.expandByLatent(acts, perLatent)), tf.mul(mask, perLatent))).toBeLessThan(1e-6);
  });

  it('adds gradient rows, subtracts the projection, forgets on clear', () => {
    const gradient = ops.rowGradient(latents, d);
    tf.tidy(() => {
      const acts = ops.topK(matrix('pre', [rows, latents]), { k: 4 });
      const dense = densify(ops, acts, acts.value);
      const x = matrix('x', [rows, d]);
      const W = matrix('W', [latents, d]);
      const live = tf.cast(tf.any(tf.notEqual(dense, 0), 0), 'float32').expandDims(1);
      const outer = tf.matMul(dense, x, true, false);
      const first = ops.addRows(gradient, acts, { coefficient: acts.value, dense: x });
      expect(error(gradient.dense(), outer)).toBeLessThan(1e-6);
      expect(error(first, tf.sum(tf.square(outer)))).toBeLessThan(1e-5);
      const scale = tf.tensor1d(normals('scale', latents));
      const second = ops.addRows(gradient, acts, { coefficient: acts.value, dense: x, minus: { rows: W, scale } });
      const expected = tf.sub(tf.mul(outer, 2), tf.mul(live, tf.mul(W, scale.expandDims(1))));
      expect(error(gradient.dense(), expected)).toBeLessThan(1e-6);
      expect(error(second, tf.sum(tf.square(expected)))).toBeLessThan(1e-5);
      expect(error(ops.squaredNorm(gradient), tf.sum(tf.square(expected)))).toBeLessThan(1e-5);
      const block = matrix('block', [20, d]);
      expect(error(ops.setRows(gradient, 50, block), tf.sum(tf.square(block)))).toBeLessThan(1e-5);
      expect(error(gradient.dense(), tf.concat([expected.slice([0, 0], [50, d]), block, expected.slice([70, 0])]))).toBeLessThan(1e-6);
      ops.clear(gradient);
      expect(tf.sum(tf.abs(gradient.dense())).dataSync()[0]).toBe(0);
      expect(ops.squaredNorm(gradient).dataSync()[0]).toBe(0);
      ops.addRows(gradient, acts, { coefficient: acts.value, dense: x });
      expect(error(gradient.dense(), outer)).toBeLessThan(1e-6);
    });
    gradient.dispose();
  });

  it.each([0, 0.9])('Adam equals dense Adam on rows with and without gradient (beta1 = %d)', (beta1) => {
    const before = tf.memory().numTensors;
    const config = { beta1, beta2: 0.99, eps: 1e-8 };
    const start = matrix('param', [latents, d]);
    const optimizer = adam(config);
    const gradient = ops.rowGradient(latents, d);
    const owned = ops.adamMatrix(start, config);
    let params: Record<string, tf.Tensor> = { w: start.clone() };
    let slots = optimizer.init(params);
    for (let step = 1; step <= 12; step++) {
      const learningRate = 0.01 * step;
      const [grads, nnz] = tf.tidy(() => {
        const acts = ops.topK(matrix(`pre${step}`, [3, latents]), { k: 30 });
        ops.clear(gradient);
        ops.addRows(gradient, acts, { coefficient: acts.value, dense: matrix(`x${step}`, [3, d]) });
        return [tf.mul(gradient.dense(), 0.7), acts.nnz] as [tf.Tensor, number];
      });
      expect(nnz).toBeLessThan(latents / 2);
      ops.adamRows(owned, gradient, { step, learningRate, clip: 0.7 });
      const next = optimizer.update({ params, grads: { w: grads }, slots, learningRate });
      for (const old of [params, slots.m, slots.v]) tf.dispose(Object.values(old));
      grads.dispose();
      params = { ...next.params };
      slots = next.slots;
    }
    tf.tidy(() => {
      expect(error(owned.param.tensor(), params['w'] as tf.Tensor)).toBeLessThan(1e-6);
      expect(error(owned.v(), slots.v['w'] as tf.Tensor)).toBeLessThan(1e-5);
      const m = owned.m();
      if (beta1 === 0) expect(m).toBeUndefined();
      else expect(error(m as tf.Tensor, slots.m['w'] as tf.Tensor)).toBeLessThan(1e-5);
    });
    for (const old of [params, slots.m, slots.v]) tf.dispose(Object.values(old));
    gradient.dispose();
    owned.dispose();
    start.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('goes on from given moments and refuses a gap in the update count', () => {
    tf.tidy(() => {
      const config = { beta1: 0.9, beta2: 0.99, eps: 1e-8 };
      const start = matrix('param', [latents, d]);
      const gradient = ops.rowGradient(latents, d);
      const acts = ops.topK(matrix('pre', [rows, latents]), { k: 4 });
      const one = (whole: ReturnType<SparseOps['adamMatrix']>, step: number): void => {
        ops.clear(gradient);
        ops.addRows(gradient, acts, { coefficient: acts.value, dense: matrix(`x${step}`, [rows, d]) });
        ops.adamRows(whole, gradient, { step, learningRate: 0.1, clip: 1 });
      };
      const whole = ops.adamMatrix(start, config);
      one(whole, 1);
      const m = whole.m() as tf.Tensor;
      const resumed = ops.adamMatrix(whole.param.tensor() as tf.Tensor2D, { ...config, from: { step: 1, m, v: whole.v() } });
      one(whole, 2);
      one(resumed, 2);
      expect(error(resumed.param.tensor(), whole.param.tensor())).toBe(0);
      expect(() => one(resumed, 4)).toThrow(/without gaps/);
      whole.dispose();
      resumed.dispose();
      gradient.dispose();
    });
  });

  it.each(['f32', 'bf16'] as const)('never moves a frozen row, nor counts its gradient (%s moments)', (moments) => {
    tf.tidy(() => {
      const frozen = Uint8Array.from({ length: latents }, (_, f) => f % 3 === 0 ? 1 : 0);
      const free = tf.tensor2d(Array.from(frozen, (mark) => 1 - mark), [latents, 1]);
      const start = matrix('param', [latents, d]);
      const gradient = ops.rowGradient(latents, d, frozen);
      const owned = ops.adamMatrix(start, { beta1: 0.9, beta2: 0.99, eps: 1e-8, moments });
      for (let step = 1; step <= 2; step++) {
        const acts = ops.topK(matrix('pre', [rows, latents]), { k: 60 });
        ops.clear(gradient);
        const squares = ops.addRows(gradient, acts, { coefficient: acts.value, dense: matrix('x', [rows, d]) });
        const expected = tf.mul(free, tf.matMul(densify(ops, acts, acts.value), matrix('x', [rows, d]), true, false));
        expect(error(gradient.dense(), expected)).toBeLessThan(1e-6);
        expect(error(squares, tf.sum(tf.square(expected)))).toBeLessThan(1e-5);
        const block = matrix('block', [20, d]);
        const kept = tf.mul(tf.slice(free, [50, 0], [20, 1]), block);
        expect(error(ops.setRows(gradient, 50, block), tf.sum(tf.square(kept)))).toBeLessThan(1e-5);
        expect(error(ops.squaredNorm(gradient), tf.sum(tf.square(gradient.dense())))).toBeLessThan(1e-5);
        ops.adamRows(owned, gradient, { step, learningRate: 0.1, clip: 1, normalise: true });
      }
      const moved = tf.notEqual(owned.param.tensor(), start);
      expect(Array.from(tf.any(moved, 1).dataSync())).toEqual(Array.from(frozen, (mark) => 1 - mark));
      expect(tf.sum(tf.mul(tf.sub(1, free), tf.add(tf.abs(owned.v()), tf.abs(owned.m() as tf.Tensor)))).dataSync()[0]).toBe(0);
      gradient.dispose();
      owned.dispose();
    });
  });

  it.each([0, 0.9])('bfloat16 moments follow float32 ones without bias, and go on bit for bit from what was read (beta1 = %d)', (beta1) => {
    const config = { beta1, beta2: 0.999, eps: 1e-8, seed: 3 };
    tf.tidy(() => {
      const start = matrix('param', [latents, d]);
      const gradient = ops.rowGradient(latents, d);
      const exact = ops.adamMatrix(start, config);
      const low = ops.adamMatrix(start, { ...config, moments: 'bf16' });
      // SwiftShader takes a tenth of a second for each.
      const steps = onWebGpu ? 30 : 300;
      const refill = (step: number): void =>
        void tf.tidy(() => {
          const acts = ops.topK(matrix(`pre${step}`, [8, latents]), { k: 60 });
          ops.clear(gradient);
          ops.addRows(gradient, acts, { coefficient: acts.value, dense: matrix(`x${step}`, [8, d]) });
        });
      for (let step = 1; step <= steps; step++) {
        refill(step);
        for (const one of [exact, low]) ops.adamRows(one, gradient, { step, learningRate: 1e-3, clip: 1 });
      }
      const m = low.m();
      const resumed = ops.adamMatrix(low.param.tensor() as tf.Tensor2D, { ...config, moments: 'bf16', from: { step: steps, v: low.v(), ...(m === undefined ? {} : { m }) } });
      refill(steps + 1);
      for (const one of [exact, low, resumed]) ops.adamRows(one, gradient, { step: steps + 1, learningRate: 1e-3, clip: 1 });
      expect(error(resumed.param.tensor(), low.param.tensor())).toBe(0);
      expect(error(resumed.v(), low.v())).toBe(0);
      expect(resumed.v().dataSync().every((value) => (new Uint32Array(Float32Array.of(value).buffer)[0] as number) % 65_536 === 0)).toBe(true);
      // Without the random rounding v would stop following: a thousandth is less than half a unit of its last place.
      const ratio = tf.mean(tf.div(low.v(), tf.add(exact.v(), 1e-30))).dataSync()[0] as number;
      expect(Math.abs(ratio - 1)).toBeLessThan(2e-3);
      expect(error(low.v(), exact.v())).toBeLessThan(0.03);
      expect(error(tf.sub(low.param.tensor(), start), tf.sub(exact.param.tensor(), start))).toBeLessThan(0.03);
      for (const one of [exact, low, resumed, gradient]) one.dispose();
    });
  });

  it('normalises rows in place, on memory of its own', () => {
    const W = matrix('W', [latents, d]);
    const copy = W.dataSync().slice();
    const owned = ops.own(W);
    ops.normaliseRows(owned);
    tf.tidy(() => {
      expect(error(owned.tensor(), tf.div(W, tf.norm(W, 2, 1, true)))).toBeLessThan(1e-6);
    });
    expect(W.dataSync()).toEqual(copy);
    owned.dispose();
    W.dispose();
  });
});

// They need TensorFlow's backend.
if (!onWebGpu) {
  describe('both implementations', () => {
    it('draw the same bits for bfloat16 moments', () => {
      tf.tidy(() => {
        const [a, b] = [nativeSparseOps, plainSparseOps].map((ops) => {
          const gradient = ops.rowGradient(latents, d);
          ops.setRows(gradient, 0, matrix('g', [latents, d]));
          const owned = ops.adamMatrix(matrix('param', [latents, d]), { beta1: 0.9, beta2: 0.99, eps: 1e-8, moments: 'bf16', seed: 5 });
          ops.adamRows(owned, gradient, { step: 1, learningRate: 0.1, clip: 0.5 });
          const moments = [owned.v(), owned.m() as tf.Tensor2D];
          for (const one of [gradient, owned]) one.dispose();
          return moments;
        }) as [tf.Tensor2D[], tf.Tensor2D[]];
        for (const [i, moment] of a.entries()) expect(tf.mean(tf.cast(tf.equal(moment, b[i] as tf.Tensor), 'float32')).dataSync()[0]).toBeGreaterThan(0.99);
      });
    });

    it('give the same codes, compressed by row', () => {
      tf.tidy(() => {
        const pre = matrix('pre', [rows, latents]);
        const acts = nativeSparseOps.topK(pre, { k: 5 });
        const a = nativeSparseOps.codes(acts, acts.value);
        const b = plainSparseOps.codes(acts, acts.value);
        expect(a).toEqual(b);
        expect(a.indptr[rows]).toBe(acts.nnz);
        disposeActs(acts);
      });
    });

    // The larger batch does not stay in cache whole: its products go by blocks of columns.
    it.each([200, 2000])('give the same bytes on any number of threads, batch %d', async (B) => {
      const { ops: file } = await ensureEngine();
      const setThreads = (threads: number): void => void (createRequire(import.meta.url)(file as string) as { register(threads: number): void }).register(threads);
      const ops = nativeSparseOps;
      const results = [1, 2, 5].map((threads) => {
        setThreads(threads);
        return tf.tidy(() => {
          const [x, W] = [matrix('x', [B, 150]), matrix('W', [300, 150])];
          const acts = ops.batchTopK(matrix('pre', [B, 300]), { count: 2500 });
          const { residual, squares } = ops.residual(acts, acts.value, { rows: W, target: x });
          const along = ops.dots(acts, residual, W);
          const gradient = ops.rowGradient(300, 150);
          const norm = ops.addRows(gradient, acts, { coefficient: along, dense: x });
          const adamed = ops.adamMatrix(W, { beta1: 0.9, beta2: 0.99, eps: 1e-8 });
          ops.adamRows(adamed, gradient, { step: 1, learningRate: 0.1, clip: 0.5, normalise: true });
          const low = ops.adamMatrix(W, { beta1: 0.9, beta2: 0.99, eps: 1e-8, moments: 'bf16' });
          ops.adamRows(low, gradient, { step: 1, learningRate: 0.1, clip: 0.5 });
          const bytes = [acts.value, residual, squares, along, norm, ops.squaredNorm(gradient), adamed.param.tensor(), adamed.v(), low.param.tensor(), low.v()].map((t) => Array.from(t.dataSync()));
          gradient.dispose();
          adamed.dispose();
          low.dispose();
          return bytes as unknown as tf.TensorContainer;
        }) as unknown as number[][];
      });
      setThreads(os.availableParallelism());
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    });

    it('agree on batches that do not stay in cache whole', () => {
      tf.tidy(() => {
        const [B, F, width] = [2000, 120, 150];
        const [x, W, scale] = [matrix('x', [B, width]), matrix('W', [F, width]), tf.tensor1d(normals('scale', F))];
        const [expected, got] = [plainSparseOps, nativeSparseOps].map((ops) => {
          const acts = ops.topK(matrix('pre', [B, F]), { k: 3 });
          const gradient = ops.rowGradient(F, width);
          const squares = ops.addRows(gradient, acts, { coefficient: acts.value, dense: x, minus: { rows: W, scale } });
          const results = [ops.dots(acts, x, W), ops.residual(acts, acts.value, { rows: W, target: x }).residual, gradient.dense(), squares];
          gradient.dispose();
          return results;
        }) as [tf.Tensor[], tf.Tensor[]];
        for (const [i, result] of got.entries()) expect(error(result, expected[i] as tf.Tensor)).toBeLessThan(1e-5);
      });
    });

    it('reject a decoder that does not fit', () => {
      tf.tidy(() => {
        const acts = nativeSparseOps.topK(matrix('pre', [rows, latents]), { k: 5 });
        expect(() => nativeSparseOps.decode(acts, acts.value, { rows: matrix('W', [latents + 1, d]) })).toThrow(/one row per latent/);
      });
    });
  });
}
