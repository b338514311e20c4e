import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@salmon-sae/compute';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeDense } from '../inference/encode-dense.js';
import { SAE_KINDS } from '../inference/config.js';
import { relativeError } from '../inference/relative-error.js';
import { randomState } from '../synthetic/random-state.js';
import { loadSae, loadSaeConfig } from './load-sae.js';
import { readSparsity } from './saelens-read.js';
import { isSaeLensKind } from './saelens-config.js';
import { saveSae } from './save-sae.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
let folder = '';

beforeAll(async () => {
  await useBackend();
  folder = await mkdtemp(join(tmpdir(), 'formats-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const x: NdArray = { shape: [12, 8], data: Float32Array.from({ length: 96 }, (_, i) => Math.sin(7 * i + 1) * 2) };

function expectSame(a: SaeState, b: SaeState, tolerance: number): void {
  const [first, second] = [encodeDense(a, x), encodeDense(b, x)];
  expect(relativeError(second.acts.data, first.acts.data)).toBeLessThanOrEqual(tolerance);
  expect(relativeError(second.forward.data, first.forward.data)).toBeLessThanOrEqual(tolerance);
}

describe('SAELens folders', () => {
  it.each(SAE_KINDS)('%s comes back bit for bit', async (kind) => {
    const state: SaeState = { ...randomState(kind), scale: 3.5, trained: { tokens: 10, steps: 2, seed: 1, versions: { a: '1' }, facts: { b: [1] } } };
    const path = join(folder, `saelens-${kind}`);
    await saveSae(state, path);
    const loaded = await loadSae(path);
    expect(loaded.weights).toEqual(state.weights);
    expect(loaded).toMatchObject({ scale: state.scale, site: state.site, trained: state.trained });
    expect(loaded.config).toMatchObject(state.config);
    expectSame(state, loaded, 0);
    expect((await loadSaeConfig(path)).format).toBe(isSaeLensKind(kind) ? 'saelens' : 'salmon');
  });

  it.each(['infer_standard', 'infer_jumprelu', 'infer_topk', 'infer_gated', 'infer_matching_pursuit', 'infer_temporal', 'infer_jumprelu_skip_transcoder', 'infer_transcoder', 'infer_topk_rescale_nobdec'])(
    'writes the config that SAELens wrote: %s',
    async (name) => {
      const path = join(folder, name);
      await saveSae(await loadSae(join(FIXTURES, name)), path);
      const read = async (at: string): Promise<Record<string, unknown>> => JSON.parse(await readFile(join(at, 'cfg.json'), 'utf8')) as Record<string, unknown>;
      expect(await read(path)).toEqual(await read(join(FIXTURES, name)));
      expect((await readdir(path)).sort()).toEqual(['cfg.json', 'sae_weights.safetensors', 'salmon.json']);
    },
  );

  it('writes bfloat16 and sparsity, and leaves out biases as zeros', async () => {
    const state = randomState('jumprelu');
    const { b_dec, ...weights } = state.weights as Record<string, NdArray>;
    expect(b_dec?.shape).toEqual([8]);
    const path = join(folder, 'bf16');
    const sparsity = new Float32Array(24).fill(-3);
    await saveSae({ ...state, weights }, path, { dtype: 'BF16', sparsity });
    const loaded = await loadSae(path);
    expect(loaded.weights['b_dec']).toEqual({ shape: [8], data: new Float32Array(8) });
    expect(loaded.trained).toEqual(state.trained);
    expect(relativeError(loaded.weights['W_enc']?.data ?? x.data, state.weights['W_enc']?.data ?? x.data)).toBeLessThan(2 ** -8);
    expect(await readSparsity(path)).toEqual(sparsity);
    expect(await readSparsity(join(FIXTURES, 'infer_standard'))).toBeUndefined();
    await expect(saveSae(state, path, { sparsity: new Float32Array(3) })).rejects.toThrow(/"sparsity" has the wrong shape/);
  });

  it('refuses kinds that SAELens does not have', async () => {
    await expect(saveSae(randomState('groupmax'), join(folder, 'no'), { format: 'saelens' })).rejects.toThrow(/no architecture for a groupmax/);
  });
});

describe('sparsify folders', () => {
  it.each(['topk', 'groupmax', 'topk_transcoder', 'topk_skip_transcoder', 'groupmax_skip_transcoder'] as const)('%s', async (kind) => {
    const state = randomState(kind);
    const path = join(folder, `sparsify-${kind}`);
    await saveSae(state, path, { format: 'sparsify' });
    const loaded = await loadSae(path);
    expect(loaded.weights).toEqual(state.weights);
    expect(loaded.config.kind).toBe(kind);
    expectSame(state, loaded, 0);
  });

  it('writes the config that sparsify wrote', async () => {
    for (const name of ['sparsify_groupmax', 'sparsify_skip_transcode']) {
      const path = join(folder, name);
      await saveSae(await loadSae(join(FIXTURES, name)), path, { format: 'sparsify' });
      const read = async (at: string): Promise<Record<string, unknown>> => JSON.parse(await readFile(join(at, 'cfg.json'), 'utf8')) as Record<string, unknown>;
      // Two fields steer training only and are derived anew.
      const derived = { expansion_factor: 4, normalize_decoder: expect.any(Boolean) as boolean };
      expect(await read(path)).toEqual({ ...(await read(join(FIXTURES, name))), ...derived });
    }
  });

  it('folds decoder norms, and refuses what it cannot say', async () => {
    const state = randomState('topk', { config: { rescale_acts_by_decoder_norm: true } });
    const path = join(folder, 'sparsify-rescaled');
    await saveSae(state, path, { format: 'sparsify' });
    expectSame(state, await loadSae(path), 1e-5);
    await expect(saveSae(randomState('jumprelu'), path, { format: 'sparsify' })).rejects.toThrow(/knows no such activation/);
    await expect(saveSae(randomState('topk', { config: { normalize_activations: 'layer_norm' } }), path, { format: 'sparsify' })).rejects.toThrow(/no run-time normalisation/);
    await expect(saveSae(randomState('topk_transcoder', { outWidth: 6 }), path, { format: 'sparsify' })).rejects.toThrow(/one width/);
  });
});

describe('Gemma Scope files', () => {
  it.each(['jumprelu', 'standard', 'gated'] as const)('%s computes the same after the round trip', async (kind) => {
    const state = randomState(kind);
    const path = join(folder, `gemma-${kind}`);
    await saveSae(state, path, { format: 'gemmascope' });
    const loaded = await loadSae(path);
    expect(loaded.config).toMatchObject({ kind: 'jumprelu', apply_b_dec_to_input: false });
    expect(loaded.trained).toEqual(state.trained);
    expectSame(state, loaded, 1e-5);
  });

  it('is bit for bit for what came from there', async () => {
    const state = await loadSae(join(FIXTURES, 'gemmascope_npz'));
    const path = join(folder, 'plain');
    await saveSae(state, path, { format: 'gemmascope' });
    expect((await loadSae(path)).weights).toEqual(state.weights);
  });

  it('refuses what the layout has no place for', async () => {
    const path = join(folder, 'refused');
    await expect(saveSae(randomState('topk'), path, { format: 'gemmascope' })).rejects.toThrow(/is no JumpReLU/);
    await expect(saveSae(randomState('skip_transcoder'), path, { format: 'gemmascope' })).rejects.toThrow(/no place for this/);
    await expect(saveSae(randomState('jumprelu', { config: { normalize_activations: 'layer_norm' } }), path, { format: 'gemmascope' })).rejects.toThrow(/no place/);
  });
});
