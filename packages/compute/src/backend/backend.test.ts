import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../engine/cache-folder.js';
import { ensureEngine } from '../engine/ensure-engine.js';
import type { CommandResult } from '../engine/run-command.js';
import { runCommand } from '../engine/run-command.js';
import type { BackendInfo } from './backend-info.js';

interface Answer {
  readonly info: BackendInfo;
  readonly values: Readonly<Record<string, number[]>>;
  readonly sparse: string;
  readonly error?: string;
  readonly code?: string;
}

const root = path.resolve(import.meta.dirname, '../../../..');
let folder: string;
/** A cache with libtensorflow but without compiled modules. */
let uncompiled: string;

beforeAll(async () => {
  await ensureEngine();
  folder = await mkdtemp(path.join(os.tmpdir(), 'salmon-backend-'));
  uncompiled = path.join(folder, 'cache');
  const version = '2.21.0';
  const description = `libtensorflow/${version}/salmon.json`;
  await mkdir(path.join(uncompiled, 'libtensorflow', version), { recursive: true });
  await cp(path.join(cacheFolder(), description), path.join(uncompiled, description)).catch(() =>
    cp(path.join(cacheFolder(), 'libtensorflow/python.json'), path.join(uncompiled, 'libtensorflow/python.json')),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function child(env: Readonly<Record<string, string>>): Promise<{ answer: Answer; result: CommandResult }> {
  const args = ['--conditions=@salmon-sae/source', `--import=${path.join(root, 'tools/ts-node-loader.mjs')}`, path.resolve(import.meta.dirname, '../../test/child.ts')];
  const result = await runCommand(process.execPath, args, {
    env: { SALMON_BACKEND: '', TS_NODE_TRANSPILE_ONLY: 'true', TS_NODE_PROJECT: path.join(root, 'tools/tsconfig.json'), NODE_OPTIONS: '', ...env },
    timeoutMs: 120_000,
  });
  expect(result.stdout, result.stderr).not.toBe('');
  return { answer: JSON.parse(result.stdout) as Answer, result };
}

function expectRightValues({ values }: Answer): void {
  expect(values['matMul']).toEqual([7, 10, 15, 22]);
  expect(values['bf16']).toEqual([5, 11, 11, 25]);
  expect(values['segments']).toEqual([0, 0, 4, 6]);
  expect(values['erf']?.[0]).toBeCloseTo(0.8427, 3);
  expect(values['gradient']).toEqual([2, 4, 6, 8]);
  expect(values['topk']).toEqual([2, 4]);
  expect(values['modulo']).toEqual([1, 2, 0, 1]);
  expect(values['diagonal']).toEqual([5, 0, 0, 6]);
}

describe('useBackend', () => {
  it('starts the native engine, with the thread setting, and prints nothing', async () => {
    const { answer, result } = await child({ SALMON_THREADS: '1' });
    expect(answer.info).toMatchObject({ name: 'tensorflow', fallback: false, threads: 1, nativeOps: true });
    expect(answer.info.libtensorflow).toMatch(/^\d+\.\d+/);
    expect(answer.sparse).toBe('native');
    expectRightValues(answer);
    expect(result.stderr).toBe('');
  });

  it.each(['wasm', 'cpu'])('forced to %s computes the same', async (name) => {
    const { answer, result } = await child({ SALMON_BACKEND: name });
    expect(answer.info).toMatchObject({ name, fallback: false, nativeOps: false, reason: `forced by SALMON_BACKEND=${name}` });
    expect(answer.sparse).toBe('plain');
    expectRightValues(answer);
    expect(result.stderr).toBe('');
  });

  it('falls back to WebAssembly, says why, and still computes, where the addon cannot be compiled', async () => {
    const { answer } = await child({ SALMON_CACHE: uncompiled, CXX: 'no-such-compiler' });
    expect(answer.info).toMatchObject({ name: 'wasm', fallback: true });
    expect(answer.info.notice).toMatch(/WebAssembly.*no-such-compiler is not installed/);
    expectRightValues(answer);
  });

  it('does not fall back where a backend is forced', async () => {
    const { answer } = await child({ SALMON_CACHE: uncompiled, CXX: 'no-such-compiler', SALMON_BACKEND: 'tensorflow' });
    expect(answer).toMatchObject({ code: 'engine' });
    expect(answer.error).toMatch(/forced by SALMON_BACKEND=tensorflow cannot run.*no-such-compiler/);
  });

  it('names the backends where SALMON_BACKEND is none of them', async () => {
    const { answer } = await child({ SALMON_BACKEND: 'cuda' });
    expect(answer.error).toMatch(/tensorflow, wasm, webgpu, cpu.*cuda/);
  });

  it('on WebGPU computes the same, or says that there is no adapter', async () => {
    const { answer } = await child({ SALMON_BACKEND: 'webgpu' });
    if (answer.error === undefined) {
      expect(answer.info.gpu).not.toBe('');
      expect(answer.sparse).toBe('webgpu');
      expectRightValues(answer);
    } else {
      expect(answer.error).toMatch(/finds no graphics adapter/);
    }
  });
});
