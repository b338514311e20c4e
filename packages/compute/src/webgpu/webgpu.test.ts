import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../engine/run-command.js';
import { disposeActs, tf, useBackend, webGpuSparseOps } from '../index.js';
import { uninitialised, webGpuBackend } from './kernel.js';
import { scan } from './scan.js';

beforeAll(async () => {
  expect((await useBackend()).name).toBe('webgpu');
});

it('says so where a driver computes on the processor in place of a GPU', async () => {
  const { gpu = '', notice } = await useBackend();
  expect(notice !== undefined).toBe(/swiftshader|llvmpipe/i.test(gpu));
  if (notice !== undefined) expect(notice).toMatch(/finds no GPU.*SALMON_BACKEND=tensorflow/);
});

describe('reads', () => {
  it('give the same synchronously, asynchronously and both at once', async () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
    const [x, whole, mask] = tf.tidy(() => {
      const doubled = tf.mul(tf.tensor1d(values), 2);
      return [doubled, tf.cast(tf.mul(doubled, 100), 'int32'), tf.greater(doubled, 0)] as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    });
    const later = [x.data(), whole.data()];
    expect(Array.from(x.dataSync())).toEqual(Array.from(values, (v) => Math.fround(2 * v)));
    expect(Array.from(mask.dataSync())).toEqual(Array.from(values, (v) => (v > 0 ? 1 : 0)));
    const [read, integers] = await Promise.all(later);
    expect(read).toEqual(x.dataSync());
    expect(integers).toEqual(whole.dataSync());
    tf.dispose([x, whole, mask]);
  });

  it('see what an update in place changed, also after an asynchronous read', async () => {
    const W = tf.tensor2d([3, 4, 0, 5], [2, 2]);
    const owned = webGpuSparseOps.own(W);
    expect(Array.from(await owned.tensor().data())).toEqual([3, 4, 0, 5]);
    webGpuSparseOps.normaliseRows(owned);
    const now = owned.tensor().dataSync();
    for (const [i, value] of [0.6, 0.8, 0, 1].entries()) expect(now[i]).toBeCloseTo(value, 6);
    owned.dispose();
    W.dispose();
  });
});

it('memory of sizes that never come again is given back', () => {
  const allocated = (): number => webGpuBackend().bufferManager.numBytesAllocated;
  const before = allocated();
  for (let i = 0; i < 40; i++) {
    const x = uninitialised<tf.Rank.R1>([4e6 + i], 'float32');
    const one = tf.scalar(i);
    expect(tf.tidy(() => tf.add(tf.slice(x, 0, 1), one).dataSync()).length).toBe(1);
    tf.dispose([x, one]);
  }
  expect(allocated() - before).toBeLessThan(400e6);
});

describe('kernels', () => {
  it.each([1, 2048, 2049, 5000, 4_200_000])('sum %i counts before each, over as many levels as that takes', (n) => {
    const counts = Int32Array.from({ length: n }, (_, i) => (i * 7) % 3);
    const offsets = tf.tidy(() => scan(tf.tensor1d(counts, 'int32')));
    const got = offsets.dataSync();
    let sum = 0;
    const wrong = counts.findIndex((count, i) => {
      const before = sum;
      sum += count;
      return got[i] !== before;
    });
    expect(wrong).toBe(-1);
    expect(got[n]).toBe(sum);
    offsets.dispose();
  });

  it('run with more workgroups than one dimension holds', () => {
    const latents = 65_535 * 64 + 100;
    const starts = new Int32Array(latents + 1);
    starts.fill(1, 5).fill(2, latents);
    const acts = { rows: 1, latents, nnz: 2, starts: tf.tensor1d(starts, 'int32'), row: tf.zeros<tf.Rank.R1>([2], 'int32'), value: tf.tensor1d([3, 4]) };
    const sums = webGpuSparseOps.sumByLatent(acts, acts.value);
    const got = sums.dataSync<'float32'>();
    expect([got[4], got[latents - 1], got.reduce((a, b) => a + b, 0)]).toEqual([3, 4, 7]);
    sums.dispose();
    disposeActs(acts);
  });

  it.each([
    [[2, 0, 1], 'int32'],
    [[0, 2, 1], 'bool'],
  ] as const)('transpose %j and reduce other types than float32', (order, dtype) => {
    tf.tidy(() => {
      const values = Int32Array.from({ length: 24 }, (_, i) => (dtype === 'bool' ? i % 3 === 0 : i * 1_000_003) as unknown as number);
      const x = tf.cast(tf.tensor(values, [2, 3, 4], 'int32'), dtype);
      const moved = tf.transpose(x, [...order]);
      const back = tf.transpose(moved, order.map((_, i) => order.indexOf(i as 0)));
      expect(Array.from(back.dataSync())).toEqual(Array.from(values));
      expect(Array.from(tf.sum(tf.cast(x, 'int32'), 0).dataSync())).toEqual(Array.from({ length: 12 }, (_, i) => (values[i] as number) + (values[i + 12] as number)));
    });
  });
});

it('an invalid command makes the next read fail instead of giving numbers', async () => {
  const root = path.resolve(import.meta.dirname, '../../../..');
  const args = ['--conditions=@salmon-sae/source', `--import=${path.join(root, 'tools/ts-node-loader.mjs')}`, path.resolve(import.meta.dirname, '../../test/broken-kernel.ts')];
  const env = { TS_NODE_TRANSPILE_ONLY: 'true', TS_NODE_PROJECT: path.join(root, 'tools/tsconfig.json'), NODE_OPTIONS: '' };
  const { stdout, stderr } = await runCommand(process.execPath, args, { env, timeoutMs: 60_000 });
  expect(stdout, stderr).toMatch(/GPU failed.*nothing/s);
});
