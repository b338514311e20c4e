import { useBackend } from '@salmon-sae/compute';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject, firstValueFrom, from, lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { standard } from '../architectures/standard.js';
import { topK } from '../architectures/topk.js';
import type { TrainEvent } from '../train-event.js';
import { train } from '../train/train.js';
import { CheckpointStore } from './checkpoint-store.js';
import { differences } from './difference.js';

const ROWS = 16;
const WIDTH = 6;
const batch = (index: number): ActivationBatch => {
  const generator = random(1, 'store', index);
  const none = new Int32Array(ROWS);
  return {
    site: { model: 'm', hook: 'resid_post.0', width: WIDTH },
    rows: ROWS,
    values: Float32Array.from({ length: ROWS * WIDTH }, () => generator.normal()),
    origin: { tokenId: none, position: none, doc: none, docs: ['d'], domains: ['x'] },
    cursor: { source: 's', shard: 0, row: (index + 1) * ROWS },
  };
};
const batches = (from: number, to: number): ActivationBatch[] => Array.from({ length: to - from }, (_, i) => batch(from + i));
const spec = { id: 'a', sae: standard({ latents: 12 }) };
const training = { steps: 20, batch: ROWS, normalizeBatches: 2, logEvery: 5 };
const weightsOf = (events: readonly TrainEvent[]): unknown => events.find((e) => e.kind === 'done')!;

let root = '';
let folder = '';
let count = 0;
beforeAll(async () => {
  await useBackend();
  root = await mkdtemp(join(tmpdir(), 'salmon-store-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(() => {
  folder = join(root, String(count++));
});

const runAll = async (store: CheckpointStore | undefined, items: readonly ActivationBatch[], options = {}): Promise<readonly TrainEvent[]> =>
  lastValueFrom(from(items).pipe(train(spec, { training, ...options, ...(store === undefined ? {} : { checkpoints: store }) }), toArray()));

/** Trains some batches, then unsubscribes; gives the store once its last checkpoint is on disk. */
async function interrupted(items: readonly ActivationBatch[]): Promise<CheckpointStore> {
  const store = await CheckpointStore.open(folder, { everySteps: 4, data: { hash: 'h1' } });
  const source = new Subject<ActivationBatch>();
  const subscription = source.pipe(train(spec, { training, checkpoints: store })).subscribe();
  for (const item of items) source.next(item);
  subscription.unsubscribe();
  await store.settled();
  return store;
}

describe('CheckpointStore', () => {
  it('writes a last checkpoint on unsubscription, and the resumed run ends as the whole one does', async () => {
    const whole = await runAll(undefined, batches(0, 20));
    await interrupted(batches(0, 11));
    const store = await CheckpointStore.open(folder, { everySteps: 4, data: { hash: 'h1' } });
    expect(store.step).toBe(11);
    expect(store.cursor).toEqual({ source: 's', shard: 0, row: 11 * ROWS });
    const events = await runAll(store, batches(11, 20));
    expect(weightsOf(events)).toEqual(weightsOf(whole));
    expect(events.filter((e) => e.kind === 'checkpoint').length).toBeGreaterThan(0);
  });

  it('gives the results again, without data, when the run had finished', async () => {
    const first = await runAll(await CheckpointStore.open(folder, { everySteps: 50 }), batches(0, 20));
    const again = await runAll(await CheckpointStore.open(folder, { everySteps: 50 }), []);
    expect(weightsOf(again)).toEqual(weightsOf(first));
  });

  it('keeps the newest only', async () => {
    const store = await CheckpointStore.open(folder, { everySteps: 2, keep: 3 });
    for (let i = 1; i <= 6; i++) {
      const source = from(batches(0, 2 * i));
      await lastValueFrom(source.pipe(train(spec, { training: { ...training, steps: 2 * i }, checkpoints: await CheckpointStore.open(folder, { everySteps: 2, keep: 3, resume: false }) })));
    }
    await store.settled();
    expect((await readdir(folder)).sort()).toEqual(['step-000000008', 'step-000000010', 'step-000000012']);
  });

  it('refuses another configuration or other data, and shows the difference', async () => {
    await interrupted(batches(0, 5));
    const other = await CheckpointStore.open(folder, { everySteps: 4, data: { hash: 'h2' } });
    await expect(runAll(other, batches(5, 20))).rejects.toThrow(/data\.hash: "h1" -> "h2"/);
    const same = await CheckpointStore.open(folder, { everySteps: 4, data: { hash: 'h1' } });
    await expect(runAll(same, batches(5, 20), { training: { ...training, learningRate: 0.5 } })).rejects.toThrow(/configs\.0\.training\.learningRate: 0\.0003 -> 0\.5/);
    const changed = from(batches(5, 20)).pipe(train({ id: 'a', sae: topK({ latents: 12, k: 2 }) }, { training, checkpoints: same }));
    await expect(firstValueFrom(changed)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('falls back to an older checkpoint where the newest is broken, and says so where all are', async () => {
    await interrupted(batches(0, 11));
    await truncate(join(folder, 'step-000000011', 'tensors.safetensors'), 100);
    // Pushed in one go, step 8 was replaced by step 11 while step 4 was being written.
    expect((await CheckpointStore.open(folder, { everySteps: 4 })).step).toBe(4);
    await writeFile(join(folder, 'step-000000004', 'checkpoint.json'), '{"format":1,"step":4}');
    await expect(CheckpointStore.open(folder, { everySteps: 4 })).rejects.toMatchObject({ code: 'bad-file' });
  });

  it('refuses a format from the future, and clears up what a killed process left', async () => {
    await interrupted(batches(0, 3));
    await mkdir(join(folder, `.step-000000004.${'0'.repeat(8)}.tmp`), { recursive: true });
    await CheckpointStore.open(folder, { everySteps: 4 });
    expect(await readdir(folder)).toEqual(['step-000000003']);
    await writeFile(join(folder, 'step-000000003', 'checkpoint.json'), '{"format":99}');
    await expect(CheckpointStore.open(folder, { everySteps: 4 })).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('reports a checkpoint that cannot be written', async () => {
    const store = await CheckpointStore.open(folder, { everySteps: 4 });
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file where the folder was');
    await expect(runAll(store, batches(0, 20))).rejects.toThrow();
  });
});

describe('differences', () => {
  it('names paths, additions and removals', () => {
    expect(differences({ a: 1, b: { c: [1, 2] }, d: 0 }, { a: 1, b: { c: [1, 3] }, e: null })).toEqual(['b.c.1: 2 -> 3', 'd: 0 -> nothing', 'e: nothing -> null']);
    expect(differences({ a: [1] }, { a: { 0: 1 } })).toEqual(['a: [1] -> {"0":1}']);
    expect(differences(Array.from({ length: 20 }, () => 0), Array.from({ length: 20 }, () => 1), 3)).toHaveLength(4);
  });
});
