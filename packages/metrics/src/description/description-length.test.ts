import type { SparseCodes } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { batchesOf, codesOf, constantAnchor } from '../anchors/anchors.js';
import type { DecodingSae } from './description-length.js';
import { descriptionLength } from './description-length.js';

/** Latent i carries x_i; decoding puts it back. */
function axes(width: number): DecodingSae {
  const decode = (codes: SparseCodes): Float32Array => {
    const out = new Float32Array(codes.rows * width);
    for (let t = 0; t < codes.rows; t++) {
      for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) out[t * width + (codes.indices[i] as number)] = codes.values[i] as number;
    }
    return out;
  };
  return { latents: width, width, outWidth: width, decode, run: (x, rows) => ({ codes: codesOf(x, rows, width), recon: x }) };
}

const draw = random(4);
const n = 8192;
const docs = Array.from({ length: n }, (_, t) => `doc-${t >> 5}`);

describe('description length', () => {
  it('is the entropy of a code that can be worked out by hand', async () => {
    // Latent 0: half of the tokens, one of four equal levels; latent 1: a quarter of the tokens, always 1; latent 2: never.
    const values = Float32Array.from({ length: n * 3 }, (_, k) => {
      const t = Math.floor(k / 3);
      if (k % 3 === 0) return t % 2 === 0 ? 1 + (Math.floor(t / 2) % 4) : 0;
      return k % 3 === 1 && t % 4 === 1 ? 1 : 0;
    });
    const open = (): ReturnType<typeof batchesOf> => batchesOf({ width: 3, values, docs }, 1000);
    const result = await descriptionLength(axes(3), open, { bins: [4, 8], epsilon: 0.2 });
    const quarter = -0.25 * Math.log2(0.25) - 0.75 * Math.log2(0.75);
    expect(result.bits.value).toBeCloseTo(1 + 0.5 * 2 + quarter, 9);
    expect(result.settings.map((s) => s.accepted)).toEqual([true, true]);
    expect(result.boundBits).toBeCloseTo(0.75 * (32 + Math.log2(3)), 9);
    expect(result.bits.samples.length).toBe(200);
  });

  it('takes the coarsest code that keeps the reconstruction, whatever the batch size', async () => {
    const values = Float32Array.from({ length: n * 2 }, () => (draw.next() < 0.3 ? 1 + draw.next() : 0));
    const open = (size: number) => (): ReturnType<typeof batchesOf> => batchesOf({ width: 2, values, docs }, size);
    const a = await descriptionLength(axes(2), open(500), { epsilon: 0.001 });
    const b = await descriptionLength(axes(2), open(8192), { epsilon: 0.001 });
    const costs = a.settings.map((s) => s.cost);
    expect([...costs].sort((p, q) => q - p)).toEqual(costs);
    const chosen = a.settings.filter((s) => s.accepted)[0];
    expect(chosen?.bins).toBeGreaterThan(4);
    expect(a.bits.value).toBe(chosen?.bitsPerToken);
    expect(b.bits.value).toBeCloseTo(a.bits.value, 12);
    const none = await descriptionLength(axes(2), open(500), { epsilon: 0 });
    expect(none.bits.value).toBeNaN();
  });

  it('costs nothing for an SAE that never fires, and refuses an empty stream', async () => {
    const silent: DecodingSae = { ...constantAnchor(new Float32Array(2)), decode: (c) => new Float32Array(c.rows * 2) };
    const open = (): ReturnType<typeof batchesOf> => batchesOf({ width: 2, values: new Float32Array(8).fill(1), docs: docs.slice(0, 4) }, 4);
    expect((await descriptionLength(silent, open)).bits.value).toBe(0);
    await expect(descriptionLength(silent, () => [])).rejects.toThrow(/No activation rows/);
  });
});
