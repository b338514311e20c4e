import { useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { SaeState } from '@salmon-sae/dataflow';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { SAE_KINDS } from '../inference/config.js';
import type { SaeKind } from '../inference/config.js';
import { denseCodes } from '../inference/csr-builder.js';
import { rowNorms } from '../inference/decode-rows.js';
import { openSae } from '../inference/open-sae.js';
import { relativeError } from '../inference/relative-error.js';
import { randomState } from '../synthetic/random-state.js';
import { foldDatasetNorm, foldDecoderNorm, foldInputBias, toJumpRelu } from './fold.js';

beforeAll(async () => {
  await useBackend();
});

const ROWS = 16;
const WIDTH = 8;

function rows(seed: number): Float32Array {
  const draw = random(seed, 'rows');
  return Float32Array.from({ length: ROWS * WIDTH }, () => draw.normal());
}

function runDense(state: SaeState, x: Float32Array): { readonly acts: Float32Array; readonly recon: Float32Array } {
  const sae = openSae(state);
  try {
    const { codes, recon } = sae.run(x, ROWS);
    return { acts: denseCodes(codes), recon };
  } finally {
    sae.dispose();
  }
}

/** Rows whose pre-activations are too near a threshold may flip in float32; they are compared by count, not value. */
function expectClose(got: Float32Array, expected: Float32Array): void {
  expect(relativeError(got, expected)).toBeLessThan(2e-5);
}

const FOLDABLE = SAE_KINDS.filter((kind) => kind !== 'matching_pursuit' && kind !== 'temporal');
const arbitraryState = (kinds: readonly SaeKind[], config: (kind: SaeKind) => Record<string, boolean> = () => ({})): fc.Arbitrary<SaeState> =>
  fc.tuple(fc.constantFrom(...kinds), fc.nat({ max: 1000 }), fc.boolean()).map(([kind, seed, subtract]) =>
    randomState(kind, { width: WIDTH, outWidth: 6, seed, config: { apply_b_dec_to_input: subtract && !kind.endsWith('transcoder'), ...config(kind) } }),
  );

describe('foldDatasetNorm', () => {
  it('gives on raw rows what the unfolded SAE gives on scaled rows, scaled back', () => {
    fc.assert(
      fc.property(arbitraryState(FOLDABLE), fc.double({ min: 0.05, max: 20, noNaN: true }), (state, factor) => {
        const x = rows(state.trained.seed);
        const unfolded = runDense(state, x.map((value) => value * factor));
        const folded = runDense(foldDatasetNorm(state, factor), x);
        expectClose(folded.acts, unfolded.acts);
        expectClose(folded.recon, unfolded.recon.map((value) => value / factor));
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  it('refuses what a factor does not pass through', () => {
    expect(() => foldDatasetNorm(randomState('matching_pursuit'), 2)).toThrow(/ties encoder and decoder/);
    expect(() => foldDatasetNorm(randomState('temporal'), 2)).toThrow(/ties encoder and decoder/);
    expect(() => foldDatasetNorm(randomState('standard', { config: { normalize_activations: 'layer_norm' } }), 2)).toThrow(/Run-time normalisation/);
    expect(() => foldDatasetNorm(randomState('standard'), 0)).toThrow(/not positive/);
  });
});

describe('foldDecoderNorm', () => {
  const kinds = FOLDABLE.filter((kind) => !kind.startsWith('groupmax') && kind !== 'switch');
  const rescaled = arbitraryState(kinds, (kind): Record<string, boolean> => (kind.startsWith('topk') ? { rescale_acts_by_decoder_norm: true } : {}));

  it('keeps reconstructions, scales activations by the norms, and leaves unit rows', () => {
    fc.assert(
      fc.property(rescaled, (state) => {
        const x = rows(state.trained.seed);
        const before = runDense(state, x);
        const folded = foldDecoderNorm(state);
        const after = runDense(folded, x);
        expectClose(after.recon, before.recon);
        const norms = rowNorms((state.weights['W_dec'] as { data: Float32Array }).data, 24);
        const scaledAlready = state.config.kind.startsWith('topk');
        expectClose(after.acts, before.acts.map((value, i) => value * (scaledAlready ? 1 : (norms[i % 24] as number))));
        for (const norm of rowNorms((folded.weights['W_dec'] as { data: Float32Array }).data, 24)) expect(norm).toBeCloseTo(1, 5);
      }),
      { numRuns: 150, seed: 4 },
    );
  });

  it('leaves rows of norm 0 and refuses where norms decide the choice', () => {
    const state = randomState('standard');
    (state.weights['W_dec'] as { data: Float32Array }).data.fill(0, 0, 8);
    expect(runDense(foldDecoderNorm(state), rows(1)).recon.every(Number.isFinite)).toBe(true);
    expect(() => foldDecoderNorm(randomState('topk'))).toThrow(/which latents win/);
    expect(() => foldDecoderNorm(randomState('groupmax'))).toThrow(/which latents win/);
  });
});

describe('foldInputBias and toJumpRelu', () => {
  it('keep codes and reconstructions', () => {
    const kinds = FOLDABLE.filter((kind) => !kind.endsWith('transcoder'));
    fc.assert(
      fc.property(arbitraryState(kinds), (state) => {
        const x = rows(state.trained.seed);
        const before = runDense(state, x);
        const moved = foldInputBias(state);
        expect(moved.config['apply_b_dec_to_input']).toBe(false);
        const after = runDense(moved, x);
        expectClose(after.acts, before.acts);
        expectClose(after.recon, before.recon);
      }),
      { numRuns: 100, seed: 5 },
    );
    fc.assert(
      fc.property(arbitraryState(['standard', 'gated', 'jumprelu', 'transcoder', 'skip_transcoder']), (state) => {
        const x = rows(state.trained.seed);
        const before = runDense(state, x);
        const jump = toJumpRelu(state);
        expect(jump.config.kind.startsWith('jumprelu')).toBe(true);
        const after = runDense(jump, x);
        expectClose(after.acts, before.acts);
        expectClose(after.recon, before.recon);
      }),
      { numRuns: 100, seed: 6 },
    );
    expect(() => toJumpRelu(randomState('topk'))).toThrow(/is no JumpReLU/);
  });
});
