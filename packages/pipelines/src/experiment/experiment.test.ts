import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import { isSalmonError } from '@salmon-sae/dataflow';
import type { MetricRow } from '@salmon-sae/dataflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledModel } from './bundled-model.js';
import type { ExperimentConfig } from './config.js';
import { embeddedDefault } from './defaults.js';
import type { ExperimentEvent } from './event.js';
import { runExperiment } from './experiment.js';

/** The real experiment, so small that it ends in seconds: real text, real model, every stage. */
function tiny(): ExperimentConfig {
  const config = embeddedDefault(bundledModel());
  return {
    ...config,
    name: 'tiny',
    model: { ...config.model, context: 64, batchRows: 8 },
    tokens: { train: 6_000, eval: 2_500, loss: 600 },
    arms: ['broad', 'domain', 'boosted', 'extended-random'],
    grid: { latents: [96], targetL0: [6, 12], seeds: [1, 2], headline: { latents: 96, targetL0: 6 }, seedsAt: 'headline' },
    boosting: { latents: 24, k: 2, epochs: 1 },
    training: { batch: 128, epochs: 1, learningRate: 2e-3, reservoir: 2_000 },
    bootstrap: { samples: 100, seed: 1 },
    interpretation: { latents: 4, window: 16, minExamples: 4 },
  };
}

describe('runExperiment', () => {
  let folder = '';
  const stages = (events: readonly ExperimentEvent[], state: string): string[] =>
    events.flatMap((event) => (event.kind === 'stage' && event.state === state ? [event.stage] : []));

  beforeAll(async () => {
    await useBackend();
    folder = await mkdtemp(join(tmpdir(), 'salmon-experiment-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('compares the arms on both texts and leaves a run that can be checked', async () => {
    const events: ExperimentEvent[] = [];
    const tensors = tf.memory().numTensors;
    const { data, out } = await runExperiment(tiny(), { out: join(folder, 'run'), listener: (event) => events.push(event) });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(data.saes.map(({ arm }) => arm).sort()).toEqual([...Array(3).fill('boosted'), ...Array(3).fill('broad'), ...Array(3).fill('domain'), 'extended-random']);
    for (const sae of data.saes) {
      for (const text of [sae.texts.domain, sae.texts.broad]) {
        expect(text?.fve.value).toBeGreaterThan(0);
        expect(text?.fve.value).toBeLessThan(1);
        expect(text?.l0.value).toBeGreaterThan(0);
        expect(text?.deltaCe?.value).toBeGreaterThan(0);
        expect(text?.fve.low).toBeLessThanOrEqual(text?.fve.value ?? 0);
        expect(text?.withBos?.fve).toBeDefined();
        expect(text?.fvuNonlinear).toBeDefined();
      }
    }
    expect(data.verdict?.items.length).toBeGreaterThan(0);
    const files = await readdir(out, { recursive: true });
    for (const file of ['config.json', 'metrics.json', 'saes.json', 'report.json', 'report.html', 'report.md', 'stages/overlap.json']) expect(files).toContain(file);
    expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('<!doctype html>');
    // Every number of the report's table is a stored row.
    const rows = JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8')) as readonly MetricRow[];
    const sae = data.saes[0];
    const row = rows.find((each) => each.sae === sae?.sae && each.metric === 'fve_pooled@1' && each.split === 'eval' && each.domain === 'medical');
    expect(row?.value).toBe(sae?.texts.domain?.fve.value);
    expect(stages(events, 'kept')).toEqual([]);
  }, 300_000);

  it('stores the boosted arm as one SAE with the latents of base and residual', async () => {
    const saes = JSON.parse(await readFile(join(folder, 'run', 'saes.json'), 'utf8')) as readonly { arm: string; latents: number; path: string }[];
    const boosted = saes.find(({ arm }) => arm === 'boosted');
    const cfg = JSON.parse(await readFile(join(folder, 'run', boosted?.path ?? '', 'cfg.json'), 'utf8')) as { d_sae: number };
    expect(cfg.d_sae).toBe(96 + 24);
  });

  it('keeps finished stages, and redoes only what a change concerns', async () => {
    const events: ExperimentEvent[] = [];
    const config = tiny();
    const before = (await stat(join(folder, 'run', 'saes', 'broad-96-l0_6-s1', 'cfg.json'))).mtimeMs;
    await runExperiment({ ...config, interpretation: { ...config.interpretation, latents: 3 } }, { out: join(folder, 'run'), listener: (event) => events.push(event) });
    expect(stages(events, 'done')).toEqual(['interpret/medical']);
    expect(stages(events, 'kept')).toContain('train/broad');
    expect((await stat(join(folder, 'run', 'saes', 'broad-96-l0_6-s1', 'cfg.json'))).mtimeMs).toBe(before);
  }, 120_000);

  it('stopped half-way, it goes on to the same numbers as an uninterrupted run', async () => {
    const base = tiny();
    const config: ExperimentConfig = { ...base, arms: ['broad', 'domain'], grid: { ...base.grid, seeds: [1] }, tokens: { ...base.tokens, eval: 1_000, loss: 200 }, extras: false, interpretation: { ...base.interpretation, latents: 0 } };
    const stop = new AbortController();
    const out = join(folder, 'stopped');
    const stopped = runExperiment(config, {
      out,
      signal: stop.signal,
      listener: (event) => {
        if (event.kind === 'train' && event.stage === 'train medical') stop.abort();
      },
    });
    await expect(stopped).rejects.toSatisfy((error: unknown) => isSalmonError(error) && error.code === 'cancelled');
    const events: ExperimentEvent[] = [];
    const resumed = await runExperiment(config, { out, listener: (event) => events.push(event) });
    expect(stages(events, 'kept')).toContain('train/broad');
    const whole = await runExperiment(config, { out: join(folder, 'whole') });
    expect(resumed.data.saes).toEqual(whole.data.saes);
  }, 300_000);

  it('refuses a model folder that is not there, a hook that does not exist and rows longer than the model reads', async () => {
    const config = tiny();
    const failing = [
      { change: { model: { ...config.model, source: join(folder, 'nowhere') } }, code: 'missing-file' },
      { change: { model: { ...config.model, hook: 'resid_post.99' } }, code: 'unknown-hook' },
      { change: { model: { ...config.model, context: 100_000 } }, code: 'bad-config' },
      { change: { domains: [{ name: 'empty', title: 'Empty', source: { kind: 'jsonl', path: join(folder, 'none.jsonl') } as const }] }, code: 'missing-file' },
    ];
    for (const { change, code } of failing) {
      const failed = runExperiment({ ...config, ...change }, { out: join(folder, `bad-${code}`) });
      await expect(failed).rejects.toSatisfy((error: unknown) => isSalmonError(error) && error.code === code);
    }
  }, 120_000);
});
