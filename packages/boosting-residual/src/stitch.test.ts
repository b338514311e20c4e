import { useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { denseCodes, openSae } from '@salmon-sae/sae-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { boosted } from './boosted.js';
import { stitch } from './stitch.js';

const width = 12;
const rows = 64;

function normals(seed: number, label: string, shape: readonly number[], scale = 1): NdArray {
  const generator = random(seed, label);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => generator.normal() * scale);
  return { shape, data };
}

function sae(seed: number, latents: number, config: SaeState['config']): SaeState {
  const array = (label: string, ...shape: number[]): NdArray => normals(seed, label, shape, label === 'threshold' ? 0 : 0.4);
  const weights: Record<string, NdArray> = { W_enc: array('W_enc', width, latents), W_dec: array('W_dec', latents, width), b_dec: array('b_dec', width) };
  if (config.kind === 'gated') for (const name of ['b_gate', 'b_mag', 'r_mag']) weights[name] = array(name, latents);
  else weights['b_enc'] = array('b_enc', latents);
  if (config.kind === 'jumprelu') weights['threshold'] = { shape: [latents], data: normals(seed, 't', [latents]).data.map((v) => Math.abs(v)) };
  return { config, weights, scale: 1, site: { model: 'toy', hook: 'resid_post.0', width }, trained: { tokens: 10, steps: 2, seed, versions: {}, facts: {} } };
}

function withoutBias(state: SaeState): SaeState {
  return { ...state, weights: { ...state.weights, b_dec: { shape: [width], data: new Float32Array(width) } } };
}

const x = normals(9, 'x', [rows, width], 1.5).data;

function largest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!) / (1 + Math.abs(b[i]!))), 0);
}

beforeAll(() => useBackend());

describe('stitch', () => {
  const jump = sae(1, 20, { kind: 'jumprelu', apply_b_dec_to_input: false });
  const cases: readonly (readonly [string, SaeState, readonly SaeState[]])[] = [
    ['JumpReLU + JumpReLU', jump, [withoutBias(sae(2, 7, { kind: 'jumprelu', apply_b_dec_to_input: false }))]],
    ['b_dec taken from the input of both', sae(1, 20, { kind: 'jumprelu', apply_b_dec_to_input: true }), [sae(2, 7, { kind: 'standard' })]],
    ['ReLU only', sae(3, 9, { kind: 'standard' }), [sae(4, 5, { kind: 'standard' })]],
    ['Gated base, JumpReLU residuals of two domains', sae(5, 16, { kind: 'gated' }), [jump, sae(6, 3, { kind: 'gated' })]],
    ['the same norm rescaling', sae(7, 9, { kind: 'jumprelu', normalize_activations: 'constant_norm_rescale' }), [sae(8, 4, { kind: 'standard', normalize_activations: 'constant_norm_rescale' })]],
  ];

  it.each(cases)('encodes and reconstructs as the parts do: %s', (_, base, residuals) => {
    const parts = [base, ...residuals].map((state) => openSae(state));
    const sum = boosted(parts[0]!, parts.slice(1), { ownParts: true });
    const one = openSae(stitch(base, residuals));
    const expected = sum.run(x, rows);
    const got = one.run(x, rows);
    expect(expected.codes.indices.length).toBeGreaterThan(rows);
    expect(got.codes.latents).toBe(expected.codes.latents);
    expect(largest(denseCodes(got.codes), denseCodes(expected.codes))).toBeLessThan(1e-5);
    expect(largest(got.recon, expected.recon)).toBeLessThan(1e-5);
    one.dispose();
    sum.dispose();
  });

  it('stays a ReLU SAE when every part is one, and becomes JumpReLU otherwise', () => {
    expect(stitch(sae(3, 9, { kind: 'standard' }), [sae(4, 5, { kind: 'standard' })]).config.kind).toBe('standard');
    expect(stitch(sae(3, 9, { kind: 'standard' }), [jump]).config.kind).toBe('jumprelu');
  });

  it('adds tokens and keeps each part’s provenance', () => {
    const { trained } = stitch(jump, [sae(2, 7, { kind: 'jumprelu' })]);
    expect(trained.tokens).toBe(20);
    expect(trained.facts['parts']).toHaveLength(2);
  });

  it.each([
    ['top-k', sae(1, 20, { kind: 'topk', k: 3 }), jump, /k largest/],
    ['a top-k residual', jump, sae(1, 20, { kind: 'topk', k: 3 }), /residual 0.*k largest/],
    ['layer norm', sae(1, 20, { kind: 'standard', normalize_activations: 'layer_norm' }), jump, /token mean/],
    ['different input treatment', jump, sae(1, 20, { kind: 'standard', normalize_activations: 'constant_norm_rescale' }), /normalize_activations/],
    ['hook_z against none', jump, sae(1, 20, { kind: 'standard', reshape_activations: 'hook_z' }), /reshape_activations/],
  ])('refuses %s with the reason', (_, base, residual, reason) => {
    expect(() => stitch(base, [residual])).toThrow(reason);
  });
});
