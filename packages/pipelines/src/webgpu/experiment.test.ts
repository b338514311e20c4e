import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tf, useBackend } from '@salmon-sae/compute';
import type { MetricRow } from '@salmon-sae/dataflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { salmon } from '../../test/salmon.js';
import type { Outcome } from '../../test/salmon.js';
import { writeTinyModel } from '../../test/tiny-model.js';
import type { ExperimentConfig } from '../experiment/config.js';
import { embeddedDefault } from '../experiment/defaults.js';
import type { InterpretedSae } from '../experiment/interpret-arms.js';
import type { ReportData } from '../report/index.js';

const root = join(import.meta.dirname, '../../../..');

function tiny(model: string): ExperimentConfig {
  const config = embeddedDefault(model);
  return {
    ...config,
    name: 'tiny',
    model: { ...config.model, hook: 'resid_post.0', context: 24, batchRows: 16 },
    tokens: { train: 800, eval: 400, loss: 50 },
    grid: { latents: [48], targetL0: [3, 6], seeds: [1], headline: { latents: 48, targetL0: 3 }, seedsAt: 'headline' },
    boosting: { latents: 12, k: 2, epochs: 1 },
    training: { batch: 64, epochs: 1, learningRate: 3e-2, reservoir: 512 },
    bootstrap: { samples: 20, seed: 1 },
    interpretation: { latents: 2, window: 16, minExamples: 4 },
  };
}

async function json<T>(...path: readonly string[]): Promise<T> {
  return JSON.parse(await readFile(join(...path), 'utf8')) as T;
}

describe('the whole experiment on WebGPU', () => {
  let folder = '';
  let config: ExperimentConfig;
  let outcome: Outcome;
  let leaked = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'salmon-webgpu-'));
    config = tiny(await writeTinyModel(join(folder, 'model')));
    await writeFile(join(folder, 'tiny.json'), JSON.stringify(config));
    expect((await useBackend()).name).toBe('webgpu');
    const before = tf.memory().numTensors;
    outcome = await salmon('experiment', join(folder, 'tiny.json'), '--out', join(folder, 'run'));
    expect(outcome.code, outcome.stderr).toBe(0);
    leaked = tf.memory().numTensors - before;
    await onDefaultEngine();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The same configuration, once with the SAEs trained on WebGPU and once from the beginning. */
  async function onDefaultEngine(): Promise<void> {
    await cp(join(folder, 'run'), join(folder, 'measured'), { recursive: true });
    for (const stage of await readdir(join(folder, 'measured', 'stages'))) {
      if (!/^(harvest|train)\./.test(stage)) await rm(join(folder, 'measured', 'stages', stage));
    }
    const runs = [
      { config, out: join(folder, 'measured') },
      { config: { ...config, extras: false, interpretation: { ...config.interpretation, latents: 0 } }, out: join(folder, 'trained') },
    ];
    const child = ['--conditions=@salmon-sae/source', `--import=${join(root, 'tools/ts-node-loader.mjs')}`, join(import.meta.dirname, '../../test/children/run-experiments.ts')];
    const env = { ...process.env, SALMON_BACKEND: 'tensorflow', TS_NODE_TRANSPILE_ONLY: 'true', TS_NODE_PROJECT: join(root, 'tools/tsconfig.json'), NODE_OPTIONS: '' };
    const { stdout } = await promisify(execFile)(process.execPath, [...child, JSON.stringify(runs)], { env });
    expect(stdout).toBe('tensorflow');
  }

  it('goes to its last line, says what it computes on, and leaks nothing', async () => {
    expect(outcome.stdout).toContain(`Report: ${join(folder, 'run', 'report.html')}`);
    const { gpu, notice } = await useBackend();
    expect(outcome.stderr).toContain(notice ?? `Computing on ${gpu}`);
    for (const stage of ['harvest/broad', 'train/medical', 'train/boosted-medical-48-l0_3-s1', 'evaluate/broad', 'evaluate/medical', 'interpret/medical', 'overlap', 'extras/medical']) expect(outcome.stderr).toContain(`✓ ${stage}`);
    const { run } = await json<ReportData>(folder, 'run', 'report.json');
    expect(run).toMatchObject({ backend: 'webgpu', machine: expect.stringContaining(gpu ?? '') as string });
    expect(leaked).toBe(0);
  });

  it('measures its SAEs as the default engine does, to 1e-3', async () => {
    const [ours, theirs] = await Promise.all(['run', 'measured'].map((name) => rowsOf(join(folder, name))));
    expect([...(ours?.keys() ?? [])]).toEqual([...(theirs?.keys() ?? [])]);
    expect(ours?.size).toBeGreaterThan(600);
    for (const [key, value] of ours ?? []) expect(Math.abs(value - (theirs?.get(key) ?? NaN)), key).toBeLessThanOrEqual(1e-3 * Math.max(Math.abs(value), 0.01));
  });

  it('fills the further tables and the interpretation as the default engine does', async () => {
    const [ours, theirs] = await Promise.all(['run', 'measured'].map((name) => json<ReportData>(folder, name, 'report.json')));
    expect(ours?.extras?.map(({ id, rows }) => [id, rows.length])).toEqual(theirs?.extras?.map(({ id, rows }) => [id, rows.length]));
    expect(ours?.extras?.filter(({ rows }) => rows.length > 0).map(({ id }) => id)).toEqual(expect.arrayContaining(['description-length', 'dense-latents', 'decoder-redundancy', 'sparse-probing']));
    for (const [i, table] of (ours?.extras ?? []).entries()) expectClose(table.rows, theirs?.extras?.[i]?.rows, table.id);
    const [scores, others] = await Promise.all(['run', 'measured'].map((name) => json<{ readonly result: readonly InterpretedSae[] }>(folder, name, 'stages', 'interpret.medical.json')));
    const drawn = (all: typeof scores): readonly unknown[] => all?.result.map(({ sae, detection }) => [sae, detection.map(({ latent }) => latent)]) ?? [];
    expect(drawn(scores)).toEqual(drawn(others));
    expect(scores?.result.some(({ detection }) => detection.length > 0)).toBe(true);
  });

  it('trains to the same quality as the default engine', async () => {
    const [ours, theirs] = await Promise.all(['run', 'trained'].map((name) => rowsOf(join(folder, name))));
    // Rounding grows with every step, so what is learnt is compared, not the weights.
    const off = (metric: string): number => Math.max(...[...(ours ?? [])].filter(([key]) => key.split('|')[1] === metric).map(([key, value]) => Math.abs(value / (theirs?.get(key) ?? NaN) - 1)));
    for (const metric of ['fve_pooled@1', 'l0@1', 'ce_spliced@1']) expect(off(metric), metric).toBeLessThan(0.02);
  });
});

/** The value of every stored row, by SAE, metric, split and text. */
async function rowsOf(folder: string): Promise<ReadonlyMap<string, number>> {
  const rows = await json<readonly MetricRow[]>(folder, 'metrics.json');
  return new Map(rows.map(({ sae, metric, split, domain, value }) => [[sae, metric, split, domain].join('|'), value]));
}

/** The same text, and numbers within 1e-3, all the way down. */
function expectClose(a: unknown, b: unknown, where: string): void {
  if (typeof a === 'number' && typeof b === 'number') expect(Math.abs(a - b), where).toBeLessThanOrEqual(1e-3 * Math.max(1, Math.abs(a)));
  else if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
    expect(Object.keys(a), where).toEqual(Object.keys(b));
    for (const [key, value] of Object.entries(a)) expectClose(value, (b as Record<string, unknown>)[key], `${where}.${key}`);
  } else expect(a, where).toBe(b);
}
