import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { readParquet } from '@salmon-sae/dataflow/parquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledModel } from './bundled-model.js';
import type { ExperimentConfig } from './config.js';
import { embeddedDefault } from './defaults.js';
import { runExperiment } from './experiment.js';
import type { ExperimentResult } from './experiment.js';
import { RunDirectory } from './run-directory.js';
import { openSession } from './session.js';
import type { Session } from './session.js';
import { firstRows, heldOut } from './texts.js';
import { METRIC_COLUMNS } from './write-results.js';

/** Trained with special tokens in, so that the report's two ways of scoring are both far from each other. */
function config(): ExperimentConfig {
  const base = embeddedDefault(bundledModel());
  return {
    ...base,
    name: 'checked',
    specials: 'include',
    model: { ...base.model, context: 48, batchRows: 8 },
    tokens: { train: 4_000, eval: 1_500, loss: 400 },
    arms: ['broad', 'boosted'],
    grid: { latents: [96], targetL0: [8], seeds: [1], headline: { latents: 96, targetL0: 8 }, seedsAt: 'headline' },
    boosting: { latents: 24, k: 2, epochs: 1 },
    training: { batch: 128, epochs: 1, learningRate: 2e-3, reservoir: 2_000 },
    bootstrap: { samples: 20, seed: 1 },
    interpretation: { latents: 0, window: 16, minExamples: 4 },
  };
}

/** The weights of a SAELens folder, read byte by byte. */
function readWeights(folder: string): Readonly<Record<string, Float32Array>> {
  const bytes = readFileSync(join(folder, 'sae_weights.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, { data_offsets: [number, number] }>;
  return Object.fromEntries(
    Object.entries(header).flatMap(([name, entry]) =>
      name === '__metadata__' ? [] : [[name, new Float32Array(bytes.buffer.slice(bytes.byteOffset + 8 + length + entry.data_offsets[0], bytes.byteOffset + 8 + length + entry.data_offsets[1]))] as const],
    ),
  );
}

/** JumpReLU (arXiv 2407.14435), written out: f = pre where pre > threshold and pre > 0; x̂ = f W_dec + b_dec. */
function reconstruct(weights: Readonly<Record<string, Float32Array>>, x: ArrayLike<number>): { readonly recon: Float64Array; readonly active: number } {
  const { W_enc, b_enc, W_dec, b_dec, threshold } = weights as Record<'W_enc' | 'b_enc' | 'W_dec' | 'b_dec' | 'threshold', Float32Array>;
  const recon = Float64Array.from(b_dec);
  const latents = b_enc.length;
  let active = 0;
  for (let f = 0; f < latents; f++) {
    let pre = b_enc[f]!;
    for (let d = 0; d < recon.length; d++) pre += x[d]! * W_enc[d * latents + f]!;
    if (!(pre > 0 && pre > threshold[f]!)) continue;
    active += 1;
    for (let d = 0; d < recon.length; d++) recon[d]! += pre * W_dec[f * recon.length + d]!;
  }
  return { recon, active };
}

interface Recomputed {
  readonly fve: number;
  readonly l0: number;
}

/** FVE = 1 − Σ‖x − x̂‖² / Σ‖x − x̄‖² and mean active latents, over the wanted positions. */
function recompute(session: Session, task: { readonly rows: readonly TokenBatch[]; readonly weights: Readonly<Record<string, Float32Array>>; readonly specials: boolean }): Recomputed {
  const { hook } = session.config.model;
  const width = session.model.hookWidth(hook);
  const tokens: Float32Array[] = [];
  for (const batch of task.rows) {
    const values = session.model.forward(batch, { hooks: [hook] }).activations[hook] ?? new Float32Array();
    for (let i = 0; i < batch.mask.length; i++) if (batch.mask[i] === 1 && (task.specials || batch.special[i] === 0)) tokens.push(values.slice(i * width, (i + 1) * width));
  }
  const mean = new Float64Array(width);
  for (const x of tokens) x.forEach((v, d) => (mean[d]! += v / tokens.length));
  let [error, variance, active] = [0, 0, 0];
  for (const x of tokens) {
    const made = reconstruct(task.weights, x);
    active += made.active;
    for (let d = 0; d < width; d++) {
      error += (x[d]! - made.recon[d]!) ** 2;
      variance += (x[d]! - mean[d]!) ** 2;
    }
  }
  return { fve: 1 - error / variance, l0: active / tokens.length };
}

/** Mean next-token cross-entropy with the reconstruction in place of ordinary tokens' activations, minus the clean one, from logits. */
function recomputeDeltaCe(session: Session, rows: readonly TokenBatch[], weights: Readonly<Record<string, Float32Array>>): number {
  const { hook } = session.config.model;
  const width = session.model.hookWidth(hook);
  const { vocabulary } = session.model.info;
  let [difference, predictions] = [0, 0];
  for (const batch of rows) {
    const { context } = batch;
    const values = (session.model.forward(batch, { hooks: [hook] }).activations[hook] ?? new Float32Array()).slice();
    const ordinary = batch.mask.map((real, i) => (real === 1 && batch.special[i] === 0 ? 1 : 0));
    ordinary.forEach((wanted, i) => {
      if (wanted === 1) values.set(reconstruct(weights, values.slice(i * width, (i + 1) * width)).recon, i * width);
    });
    const clean = session.model.forward(batch, { logits: true }).logits ?? new Float32Array();
    const spliced = session.model.forward(batch, { logits: true, edits: [{ hook, kind: 'replace', values }] }).logits ?? new Float32Array();
    for (let i = 0; i < ordinary.length; i++) {
      if (ordinary[i] === 0 || i % context === context - 1 || batch.mask[i + 1] === 0) continue;
      const target = batch.ids[i + 1]!;
      difference += surprise(spliced.subarray(i * vocabulary, (i + 1) * vocabulary), target) - surprise(clean.subarray(i * vocabulary, (i + 1) * vocabulary), target);
      predictions += 1;
    }
  }
  return difference / predictions;
}

function surprise(logits: Float32Array, target: number): number {
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - logits[target]!);
  return Math.log(sum);
}

describe('the numbers of a run, recomputed from raw activations in plain float64', () => {
  let folder = '';
  let result: ExperimentResult;
  let session: Session;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'salmon-check-'));
    result = await runExperiment(config(), { out: join(folder, 'run') });
    session = await openSession(config(), await RunDirectory.open(join(folder, 'run'), () => undefined), { listener: () => undefined });
  }, 240_000);
  afterAll(async () => {
    session.model.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('are the stored ones, to 1e-5, with and without special tokens', async () => {
    const { domains, tokens } = config();
    const corpus = domains[0]!;
    const rows = await heldOut(session, corpus, tokens.eval);
    expect(result.data.saes.map(({ arm }) => arm)).toEqual(['broad', 'boosted']);
    for (const sae of result.data.saes) {
      const weights = readWeights(join(folder, 'run', 'saes', sae.sae));
      const stored = sae.texts.domain!;
      const out = recompute(session, { rows, weights, specials: false });
      const within = recompute(session, { rows, weights, specials: true });
      expect(Math.abs(stored.fve.value - out.fve)).toBeLessThan(1e-5);
      expect(Math.abs(stored.l0.value / out.l0 - 1)).toBeLessThan(1e-5);
      expect(Math.abs(stored.withBos!.fve!.value - within.fve)).toBeLessThan(1e-5);
      expect(Math.abs(stored.withBos!.l0!.value / within.l0 - 1)).toBeLessThan(1e-5);
      expect(Math.abs(out.fve - within.fve)).toBeGreaterThan(1e-3);
      expect(Math.abs(stored.deltaCe!.value - recomputeDeltaCe(session, firstRows(rows, tokens.loss), weights))).toBeLessThan(1e-5);
    }
  }, 120_000);

  it('are the same in metrics.parquet, metrics.json and the report', async () => {
    const file = await readParquet(join(folder, 'run', 'metrics.parquet'), METRIC_COLUMNS);
    const rows = await file.readGroup(0);
    await file.close();
    expect(rows).toHaveLength((JSON.parse(readFileSync(join(folder, 'run', 'metrics.json'), 'utf8')) as readonly unknown[]).length);
    const [sae] = result.data.saes;
    const of = (split: string): number | null | undefined => rows.find((row) => row.sae === sae?.sae && row.metric === 'fve_pooled@1' && row.domain === 'medical' && row.split === split)?.value;
    expect(of('eval')).toBe(sae?.texts.domain?.fve.value);
    expect(of('eval, special tokens included')).toBe(sae?.texts.domain?.withBos?.fve?.value);
  });
});
