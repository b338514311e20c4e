import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSae, loadSaeConfig } from '../formats/load-sae.js';
import { encodeDense } from './encode-dense.js';
import { relativeError } from './relative-error.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
const TOLERANCE = 1e-5;

beforeAll(async () => {
  await useBackend();
});

const folders = readdirSync(FIXTURES);
const inference = folders.filter((name) => /^(infer|gemmascope|sparsify)/.test(name));
const trained = folders.filter((name) => /^train_(?!batches)/.test(name)).map((name) => `${name}/inference`);

describe('what SAELens, Gemma Scope loaders and sparsify compute', () => {
  it.each([...inference, ...trained])('%s', async (folder) => {
    const state = await loadSae(join(FIXTURES, folder));
    const reader = await openSafetensors(join(FIXTURES, folder, 'io.safetensors'));
    const x = await reader.read('x');
    const before = tf.memory().numTensors;
    const { acts, recon, forward } = encodeDense(state, x);
    expect(tf.memory().numTensors).toBe(before);
    for (const [name, array] of [['feature_acts', acts], ['recon', recon]] as const) {
      const expected = await reader.read(name);
      expect(array.shape).toEqual(expected.shape);
      expect(relativeError(array.data, expected.data)).toBeLessThan(TOLERANCE);
    }
    if (reader.has('forward')) {
      // In multi-top-k mode sparsify's forward returns the reconstruction of the 4k largest latents.
      const multi = state.trained.facts['multi_topk'] === true;
      const whole = multi ? encodeDense({ ...state, config: { ...state.config, k: 4 * Number(state.config['k']) } }, x).forward : forward;
      expect(relativeError(whole.data, (await reader.read('forward')).data)).toBeLessThan(TOLERANCE);
    }
    await reader.close();
  });

  it('covers all fixtures', () => {
    expect(inference.length).toBe(34);
    expect(trained.length).toBe(11);
  });
});

describe('what dictionary_learning computes at evaluation', () => {
  it.each(['dl_batchtopk', 'dl_jumprelu', 'dl_topk'])('%s', async (folder) => {
    const state = await loadSae(join(FIXTURES, folder));
    const reader = await openSafetensors(join(FIXTURES, folder, 'golden.safetensors'));
    const { acts, recon } = encodeDense(state, await reader.read('eval.x'));
    expect(relativeError(acts.data, (await reader.read('eval.feature_acts')).data)).toBeLessThan(TOLERANCE);
    expect(relativeError(recon.data, (await reader.read('eval.recon')).data)).toBeLessThan(TOLERANCE);
    await reader.close();
  });
});

describe('configuration without weights', () => {
  it('has the same config as the loaded state, and the tensors of the file', async () => {
    for (const folder of [...inference, 'dl_topk']) {
      const summary = await loadSaeConfig(join(FIXTURES, folder));
      const state = await loadSae(join(FIXTURES, folder));
      expect(summary.config).toEqual(state.config);
      expect(summary.site).toEqual(state.site);
      expect(summary.parameters).toBeGreaterThanOrEqual(64 * 12);
    }
  });
});
