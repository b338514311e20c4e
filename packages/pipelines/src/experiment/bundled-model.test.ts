import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledModel } from './bundled-model.js';

describe('bundledModel', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'salmon-bundled-')));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is the checkout’s own', () => {
    expect(bundledModel()).toBe(join(import.meta.dirname, '../../../../datasets/minnow'));
  });

  it('is the copy inside an installed package, not what stands above it', async () => {
    const installed = join(folder, 'node_modules/@salmon-sae/pipelines/dist');
    for (const root of [folder, installed]) {
      await mkdir(join(root, 'datasets/minnow'), { recursive: true });
      await writeFile(join(root, 'datasets/minnow/config.json'), '{}');
    }
    await mkdir(join(installed, 'experiment'));
    expect(bundledModel(join(installed, 'experiment'))).toBe(join(installed, 'datasets/minnow'));
  });

  it('says what to do where there is none', async () => {
    const bare = join(folder, 'elsewhere');
    await rm(join(folder, 'datasets'), { recursive: true });
    await mkdir(bare);
    expect(() => bundledModel(bare)).toThrow(/model\.source/);
  });
});
