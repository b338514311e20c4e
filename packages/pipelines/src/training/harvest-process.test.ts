import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { firstValueFrom, take, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HarvestProcess } from './harvest-process.js';
import { runTraining } from './run-training.js';
import { parseTrainingFile } from './training-file.js';
import type { TextData } from './text-tokens.js';

const root = join(import.meta.dirname, '../../../..');
const loader = ['--conditions=@salmon-sae/source', `--import=${join(root, 'tools/ts-node-loader.mjs')}`];
const childEnv = { NODE_OPTIONS: loader.join(' '), TS_NODE_TRANSPILE_ONLY: 'true', TS_NODE_PROJECT: join(root, 'tools/tsconfig.json') };

let folder = '';
const before = { ...process.env };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'salmon-harvest-'));
  // The processes run the TypeScript sources, as this one does.
  Object.assign(process.env, childEnv);
});
afterAll(async () => {
  for (const name of Object.keys(childEnv)) {
    if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = before[name];
  }
  await rm(folder, { recursive: true, force: true });
});

function trainingFile(out: string, harvest: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return {
    out: join(folder, out),
    data: {
      kind: 'text',
      model: join(root, 'datasets/minnow'),
      hook: 'resid_post.2',
      source: { kind: 'limit', documents: 300, source: { kind: 'wordnet', part: 'medical' } },
      context: 64,
      batchRows: 16,
      reservoir: 2000,
      batch: 256,
      harvest,
    },
    saes: [{ id: 'small', sae: { kind: 'topk', latents: 64, k: 4 } }],
  };
}

function textData(change: Readonly<Record<string, unknown>> = {}): TextData {
  const file = trainingFile('unused', {});
  const { data } = parseTrainingFile({ ...file, data: { ...(file['data'] as object), ...change } }, 'test');
  if (data.kind !== 'text') throw new Error('a text is needed');
  return data;
}

async function collected(harvest: HarvestProcess, batches: number): Promise<readonly ActivationBatch[]> {
  return firstValueFrom(harvest.rows().pipe(take(batches), toArray()));
}

describe('harvest process', { timeout: 240_000 }, () => {
  it('trains the same SAE, to the byte, as a harvest in this process', async () => {
    for (const [out, harvest] of [['here', {}], ['there', { process: true, threads: 1 }]] as const) {
      const { saes } = await runTraining(parseTrainingFile(trainingFile(out, harvest), 'test'));
      expect(saes[0]?.steps).toBeGreaterThan(5);
    }
    const weights = (out: string): Promise<Buffer> => readFile(join(folder, out, 'small/sae_weights.safetensors'));
    expect((await weights('there')).equals(await weights('here'))).toBe(true);
    const steps = async (out: string): Promise<number[]> =>
      (await readFile(join(folder, out, 'steps.jsonl'), 'utf8')).trim().split('\n').map((line) => (JSON.parse(line) as { loss: number }).loss);
    expect(await steps('there')).toEqual(await steps('here'));
  });

  it('begins again for every subscription, sends no more than the window unasked, and ends with an error when it is killed', async () => {
    const harvest = await HarvestProcess.start(textData(), { threads: 1, window: 1 });
    try {
      expect(harvest.info).toMatchObject({ family: 'gemma2', width: 192 });
      const first = await collected(harvest, 3);
      const again = await collected(harvest, 3);
      expect(again).toEqual(first);
      expect(first[0]?.values).toBeInstanceOf(Float32Array);

      const arrivals: number[] = [];
      const failed = new Promise<unknown>((resolve) => {
        harvest.rows().subscribe({
          next: (batch) => {
            arrivals.push(batch.rows);
            if (arrivals.length === 1) process.kill(harvest.pid as number, 'SIGKILL');
          },
          error: resolve,
        });
      });
      const error = await failed;
      expect(error).toBeInstanceOf(SalmonError);
      expect((error as SalmonError).code).toBe('engine');
      expect((error as SalmonError).message).toMatch(/SIGKILL/);
      // The one in use and the one that the window allowed after it.
      expect(arrivals.length).toBeLessThanOrEqual(2);
      await expect(collected(harvest, 1)).rejects.toThrow(/SIGKILL/);
    } finally {
      harvest.dispose();
    }
  });

  it('throws what fails there with its code', async () => {
    await expect(HarvestProcess.start(textData({ model: join(folder, 'no-model') }))).rejects.toMatchObject({ code: 'missing-file' });
    const harvest = await HarvestProcess.start(textData({ source: { kind: 'jsonl', path: join(folder, 'none.jsonl') } }), { threads: 1 });
    await expect(collected(harvest, 1)).rejects.toMatchObject({ code: 'missing-file' });
    harvest.dispose();
  });

  it('ends with the process that started it', async () => {
    const program = join(root, 'packages/pipelines/test/children/harvest-parent.ts');
    const parent = spawn(process.execPath, [program, JSON.stringify(trainingFile('unused', {}))], { stdio: ['ignore', 'pipe', 'inherit'], env: process.env });
    const pid = await new Promise<number>((resolve, reject) => {
      parent.stdout.once('data', (text: Buffer) => resolve(Number(text.toString())));
      parent.once('exit', (code) => reject(new Error(`the parent ended with ${code}`)));
    });
    expect(alive(pid)).toBe(true);
    parent.removeAllListeners('exit');
    parent.kill('SIGKILL');
    for (let i = 0; i < 200 && alive(pid); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(alive(pid)).toBe(false);
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
