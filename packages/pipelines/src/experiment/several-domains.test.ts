import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import { loadSae } from '@salmon-sae/sae-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExtraTable, Measure } from '../report/index.js';
import { bundledModel } from './bundled-model.js';
import type { ExperimentConfig } from './config.js';
import { embeddedDefault } from './defaults.js';
import { runExperiment } from './experiment.js';
import type { ExperimentResult } from './experiment.js';

function config(): ExperimentConfig {
  const base = embeddedDefault(bundledModel());
  return {
    ...base,
    name: 'several',
    model: { ...base.model, context: 48, batchRows: 8 },
    domains: [...base.domains, { name: 'words', title: 'All of <WordNet>', source: { kind: 'wordnet', part: 'all', seed: 5 } }],
    tokens: { train: 4_000, eval: 3_000, loss: 100 },
    arms: ['broad', 'domain', 'boosted'],
    grid: { latents: [48, 64, 96], targetL0: [8], seeds: [1], headline: { latents: 96, targetL0: 8 }, seedsAt: 'headline' },
    boosting: { latents: 24, k: 2, epochs: 1, sweep: { k: [1, 4], tokens: [1_024, 2_048] } },
    training: { batch: 128, epochs: 1, learningRate: 2e-3, reservoir: 2_000 },
    bootstrap: { samples: 20, seed: 1 },
    interpretation: { latents: 0, window: 16, minExamples: 4 },
  };
}

describe('an experiment with several domains', () => {
  let folder = '';
  let result: ExperimentResult;
  let leaked = 0;

  beforeAll(async () => {
    await useBackend();
    folder = await mkdtemp(join(tmpdir(), 'salmon-several-'));
    const before = tf.memory().numTensors;
    result = await runExperiment(config(), { out: folder });
    leaked = tf.memory().numTensors - before;
  }, 900_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('writes a report for each, which link each other, and leaks nothing', async () => {
    expect(leaked).toBe(0);
    expect(result.reports.map((data) => data.run.texts.domain.name)).toEqual(['WordNet medicine', 'All of <WordNet>']);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['report.html', 'report-words.html', 'report-words.md', 'metrics.parquet']));
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toContain('<a href="report-words.html">All of &lt;WordNet&gt;</a>');
    expect(await readFile(join(folder, 'report-words.html'), 'utf8')).toContain('<a href="report.html">');
  });

  it('sums the residual SAEs of all domains on one base, measured on every text', async () => {
    for (const data of result.reports) {
      const row = data.boosting?.rows.find(({ method }) => method === 'ensemble');
      expect(row?.latents).toBe(96 + 2 * 24);
      expect(row?.domain.fve.value).toBeGreaterThan(data.boosting?.rows[0]?.domain.fve.value ?? 1);
    }
    const at = (name: string): Promise<Awaited<ReturnType<typeof loadSae>>> => loadSae(join(folder, 'saes', name));
    const [ensemble, second] = [await at('ensemble-96-l0_8-s1'), await at('residual/boosted-words-96-l0_8-s1')];
    const width = 192;
    const decoder = ensemble.weights['W_dec']?.data ?? new Float32Array();
    expect(decoder.slice((96 + 24) * width)).toEqual(second.weights['W_dec']?.data);
  });

  it('fills the sweep over k and tokens, and says how many broad tokens stay untouched', () => {
    const boosting = result.data.boosting;
    expect(boosting?.byK?.map(({ at }) => at)).toEqual([1, 4]);
    expect(boosting?.byTokens?.map(({ at }) => at)).toEqual([1_024, 2_048]);
    const [one, four] = boosting?.byK ?? [];
    expect(one?.domainFve.value).not.toBe(four?.domainFve.value);
    for (const row of boosting?.rows ?? []) {
      if (row.role === 'base') expect(row.silentBroad).toBeUndefined();
      else {
        expect(row.silentBroad).toBeGreaterThanOrEqual(0);
        expect(row.silentBroad).toBeLessThan(1);
      }
    }
    const [own, ensemble] = ['boosted', 'ensemble'].map((method) => boosting?.rows.find((row) => row.method === method)?.silentBroad ?? 0);
    expect(ensemble).toBeLessThanOrEqual(own ?? 0);
  });

  it('gives the further tables, every row with its definition', () => {
    const tables = new Map((result.data.extras ?? []).map((table) => [table.id, table]));
    expect([...tables.keys()]).toEqual(['description-length', 'dense-latents', 'decoder-redundancy', 'feature-splitting', 'hierarchy-absorption', 'first-letter-absorption', 'sparse-probing', 'probe-perturbation', 'spurious-correlation', 'domain-transfer', 'meta-sae']);
    for (const table of tables.values()) for (const row of table.rows) expect(row.at(-1)).toMatch(/^[a-z0-9_]+@1(, [a-z0-9_]+@1)*$/);
    for (const id of ['description-length', 'dense-latents', 'decoder-redundancy', 'sparse-probing', 'domain-transfer']) {
      expect(tables.get(id)?.rows.map(([sae]) => sae), id).toEqual(['broad-96-l0_8-s1', 'domain-medical-96-l0_8-s1', 'boosted-medical-96-l0_8-s1', 'ensemble-96-l0_8-s1']);
    }
    expect(tables.get('feature-splitting')?.rows.map((row) => row.slice(0, 2))).toEqual([['broad-48-l0_8-s1', 'broad-64-l0_8-s1'], ['broad-64-l0_8-s1', 'broad-96-l0_8-s1'], ['domain-medical-48-l0_8-s1', 'domain-medical-64-l0_8-s1'], ['domain-medical-64-l0_8-s1', 'domain-medical-96-l0_8-s1']]);
    const absorption = tables.get('hierarchy-absorption');
    expect((absorption?.rows.length ?? 0) > 0 || absorption?.caption.includes('Not measured')).toBe(true);
    const value = (table: ExtraTable | undefined, column: string): number => (table?.rows[0]?.[table.columns.findIndex(({ id }) => id === column)] as Measure).value;
    // The probe on activations knows nothing of the SAE: every row has the same.
    const probing = tables.get('sparse-probing');
    const dense = probing?.columns.findIndex(({ id }) => id === 'dense') ?? -1;
    for (const row of probing?.rows ?? []) expect(row[dense]).toEqual(probing?.rows[0]?.[dense]);
    expect(value(probing, 'dense')).toBeGreaterThan(0.4);
    expect(value(probing, 'dense')).toBeLessThanOrEqual(1);
    expect(value(tables.get('domain-transfer'), 'erm')).toBeGreaterThan(0.4);
    expect(value(tables.get('description-length'), 'domain')).toBeGreaterThan(1);
    for (const id of ['probe-perturbation', 'spurious-correlation', 'meta-sae']) {
      const table = tables.get(id);
      if (table?.rows.length === 0) expect(table.caption).toContain('Not measured');
      else expect(table?.rows.at(-1)?.[0], id).toBe('random directions');
    }
    const letters = tables.get('first-letter-absorption');
    expect((letters?.rows.length ?? 0) > 0 || letters?.caption.includes('Not measured')).toBe(true);
  });

  it('compares every width with itself, and fits a law over the widths of each arm and text', () => {
    const { verdict, scaling } = result.data;
    expect([...new Set(verdict?.items.map(({ latents }) => latents))]).toEqual([48, 64, 96]);
    expect(scaling).toMatchObject({ widths: 3, needed: 3 });
    expect(scaling?.rows.map(({ arm, text }) => `${arm} ${text}`)).toEqual(['broad domain', 'broad broad', 'domain domain', 'domain broad', 'boosted domain', 'boosted broad']);
    for (const row of scaling?.rows ?? []) {
      expect(row.points.map(({ latents }) => latents)).toEqual(row.arm === 'boosted' ? [72, 88, 120] : [48, 64, 96]);
      for (const { latents, loss, directions } of row.points) {
        const sae = result.data.saes.find((each) => each.arm === row.arm && each.latents === latents);
        expect(loss.value).toBeCloseTo(1 - (sae?.texts[row.text]?.fve.value ?? 0), 10);
        expect(directions).toBeLessThanOrEqual(latents);
      }
      expect(row.exponent.low).toBeLessThanOrEqual(row.exponent.value);
      expect(row.r2).toBeLessThanOrEqual(1);
    }
  });
});
