import { useBackend } from '@salmon-sae/compute';
import type { SaeState } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ReadableSae } from '../absorption/absorption.js';
import { batchesOf, codesOf } from '../anchors/anchors.js';
import { evaluateReconstruction } from '../reconstruction/evaluate-reconstruction.js';
import { signPersistence } from './binding-class.js';
import { denseLatents } from './dense-latents.js';
import { nullspaceBasis, nullspaceShare } from './nullspace-class.js';
import { letterShares } from './output-class.js';
import { firstComponent } from './pca-class.js';

const WIDTH = 16;
const ROWS = 4000;
const DOCS = 100;
const draw = random(12);

// Axis 0 grows with the position, axis 1 has a sign per document, axis 2 the largest variance, axis 3 is rare, axis 15 unread by the unembedding.
const values = new Float32Array(ROWS * WIDTH);
const docs = Array.from({ length: ROWS }, (_, t) => `doc-${Math.floor((t * DOCS) / ROWS)}`);
for (let t = 0; t < ROWS; t++) {
  const document = Math.floor((t * DOCS) / ROWS);
  for (let d = 0; d < WIDTH; d++) values[t * WIDTH + d] = 0.2 * draw.normal();
  values[t * WIDTH] = 1 + t / ROWS + 0.05 * draw.normal();
  values[t * WIDTH + 1] = (document % 2 === 0 ? 1 : -1) + 0.2 * draw.normal();
  values[t * WIDTH + 2] = 5 * draw.normal();
  values[t * WIDTH + 3] = draw.next() < 0.02 ? 3 : 0;
  values[t * WIDTH + 15] = 1 + 0.1 * draw.normal();
}

const axes: readonly (readonly [number, number])[] = [[0, 1], [1, 1], [1, -1], [2, 1], [3, 1], [15, 1]];
const decoder = new Float32Array(axes.length * WIDTH);
const encoder = new Float32Array(axes.length * WIDTH);
axes.forEach(([axis, sign], f) => {
  decoder[f * WIDTH + axis] = sign;
  encoder[axis * axes.length + f] = sign;
});
const state: SaeState = {
  config: { kind: 'standard' },
  weights: { W_dec: { shape: [axes.length, WIDTH], data: decoder }, W_enc: { shape: [WIDTH, axes.length], data: encoder } },
  scale: 1,
  site: { model: 'planted', hook: 'resid_post.0', width: WIDTH },
  trained: { tokens: 0, steps: 0, seed: 0, versions: {}, facts: {} },
};
const sae: ReadableSae & { readonly state: SaeState } = {
  latents: axes.length,
  width: WIDTH,
  outWidth: WIDTH,
  state,
  run: (x, n) => {
    const f = new Float32Array(n * axes.length);
    for (let t = 0; t < n; t++) axes.forEach(([axis, sign], i) => (f[t * axes.length + i] = Math.max(0, sign * (x[t * WIDTH + axis] as number))));
    return { codes: codesOf(f, n, axes.length), recon: new Float32Array(x.length) };
  },
};

describe('dense latents', () => {
  beforeAll(async () => void (await useBackend()));

  it('names what planted dense latents are for', async () => {
    const batches = batchesOf({ width: WIDTH, values, docs }, 500).map((b, i) => ({
      ...b,
      origin: { ...b.origin, position: Int32Array.from({ length: b.rows }, (_, t) => i * 500 + t) },
    }));
    const { saes } = await evaluateReconstruction({ saes: [{ name: 's', sae }], batches, replicates: 0 });
    const activity = saes[0]?.latents as never;
    // The unembedding reads axes 0 to 7 strongly and the rest weakly: ten least-read directions include axis 15.
    const unembedding = { width: WIDTH, data: Float32Array.from({ length: 200 * WIDTH }, (_, i) => (i % WIDTH < 6 ? 1 : 0.01) * draw.normal()) };
    const model = {
      logitEffects: (_: Float32Array, n: number) =>
        Array.from({ length: n }, (_, i) => ({ promoted: Array.from({ length: 100 }, (_, id) => ({ id: i === 0 ? id % 8 : id, value: 1 })), suppressed: [] })),
      tokenizer: { token: (id: number) => (id < 8 ? ` Q${id}` : String.fromCharCode(97 + (id % 26))) },
    } as never;
    const result = denseLatents({
      sae, activity, batches, unembedding, model,
      contentWord: (b) => Uint8Array.from({ length: b.rows }, (_, t) => ((b.values[t * WIDTH + 2] as number) > 0 ? 1 : 0)),
    });
    const classes = Object.fromEntries(result.latents.map((l) => [l.latent, l.classes]));
    expect(classes[0]).toEqual(['position', 'output']);
    expect(classes[1]).toEqual(['binding']);
    expect(classes[2]).toEqual(['binding']);
    expect(classes[3]).toEqual(['word', 'pca']);
    expect(classes[4]).toBeUndefined();
    expect(classes[5]).toEqual(['nullspace']);
    expect(result.counts).toEqual({ position: 1, binding: 2, nullspace: 1, output: 1, word: 1, pca: 1, unclassified: 0 });
    expect(result.latents[1]?.antipodal).toEqual({ score: 1, partner: 2 });
    expect(result.massShare).toBeGreaterThan(0.95);
    expect(result.massShare).toBeLessThan(1);
    const backwards = denseLatents({ sae, activity, batches: [...batches].reverse(), tokens: 1000 });
    const forwards = denseLatents({ sae, activity, batches, tokens: 1000 });
    expect(backwards).toEqual(forwards);
  });
});

describe('detectors', () => {
  it('find the first component, the unread subspace and the commonest letter', () => {
    const component = firstComponent(values, WIDTH);
    expect(Math.abs(component[2] as number)).toBeCloseTo(1, 2);
    const data = Float32Array.from({ length: 50 * 4 }, (_, i) => (i % 4 === 3 ? 0 : draw.normal()));
    const basis = nullspaceBasis({ width: 4, data }, 1);
    expect(nullspaceShare([0, 0, 0, 2], basis)).toBeCloseTo(1, 9);
    expect(nullspaceShare([0, 1, 0, 0], basis)).toBeCloseTo(0, 9);
    expect(nullspaceShare([0, 1, 0, 1], basis)).toBeCloseTo(Math.SQRT1_2, 9);
    expect(letterShares({ logitEffects: () => [{ promoted: [], suppressed: [] }], tokenizer: {} as never }, new Float32Array(1), 1)).toEqual([{ letter: '', share: 0 }]);
  });

  it('measure sign persistence against chance', () => {
    expect(signPersistence([1, 1, -1, -1], [0, 0, 1, 1])).toEqual({ within: 1, overall: 1 / 3 });
    expect(signPersistence([1, -1, 1, -1], [0, 0, 1, 1]).within).toBe(0);
    expect(signPersistence([0, 0], [0, 0])).toEqual({ within: 0, overall: 0 });
  });
});
