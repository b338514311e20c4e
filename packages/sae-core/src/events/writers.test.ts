import { tf, useBackend } from '@salmon-sae/compute';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainEvent } from '../train-event.js';
import { JsonlWriter } from './jsonl-writer.js';
import { TensorBoardWriter } from './tensorboard-writer.js';

const step = (n: number): TrainEvent => ({
  kind: 'step',
  sae: 'a',
  step: n,
  tokens: n * 10,
  loss: 1.5 / n,
  parts: { mse: 1 / n, l0: 0.5 / n },
  l0: 4,
  fve: 0.5,
  deadLatents: 1,
  gradNorm: 2,
  learningRate: 1e-3,
});

let folder = '';
beforeAll(async () => {
  await useBackend();
  folder = await mkdtemp(join(tmpdir(), 'salmon-events-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('JsonlWriter', () => {
  it('writes one object a line, without weights, and appends when opened again', async () => {
    const path = join(folder, 'logs', 'events.jsonl');
    const first = new JsonlWriter(path);
    first.write(step(1));
    await first.close();
    const second = new JsonlWriter(path);
    second.write({
      kind: 'done',
      sae: 'a',
      step: 2,
      tokens: 20,
      state: {
        config: { kind: 'standard' },
        weights: { W_enc: { shape: [1, 1], data: new Float32Array(1) } },
        scale: 1,
        site: { model: 'm', hook: 'h', width: 1 },
        trained: { tokens: 20, steps: 2, seed: 0, versions: {}, facts: {} },
      },
    });
    await second.close();
    const lines = (await readFile(path, 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toEqual(step(1));
    expect(lines[1]).toMatchObject({ kind: 'done', state: { config: { kind: 'standard' } } });
    expect(JSON.stringify(lines[1])).not.toContain('W_enc');
  });

  it('reports a log that cannot be written', async () => {
    const writer = new JsonlWriter(join(folder, 'logs'));
    writer.write(step(1));
    await expect(writer.close()).rejects.toMatchObject({ code: 'bad-file' });
  });
});

/** Records of a TFRecord file: length (uint64), its CRC, the data, its CRC. */
function records(bytes: Buffer): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    out.push(bytes.subarray(at + 12, at + 12 + length));
    at += 12 + length + 4;
  }
  return out;
}

describe('TensorBoardWriter', () => {
  it('writes event files with every tag at every step, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const writer = new TensorBoardWriter(join(folder, 'board'));
    for (let n = 1; n <= 3; n++) writer.write(step(n));
    writer.write({ kind: 'checkpoint', step: 3, tokens: 30, path: 'p' });
    writer.close();
    expect(tf.memory().numTensors).toBe(before);
    const files = await readdir(join(folder, 'board', 'a'));
    expect(files).toHaveLength(1);
    const content = records(await readFile(join(folder, 'board', 'a', files[0]!)));
    for (const tag of ['loss/total', 'loss/mse', 'loss/l0', 'sparsity/l0', 'sparsity/dead', 'quality/fve', 'optimizer/gradient_norm', 'optimizer/learning_rate']) {
      expect(content.filter((r) => r.includes(Buffer.from(tag))), tag).toHaveLength(3);
    }
  });
});
