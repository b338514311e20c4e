import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { ActivationBatch, NdArray, SaeState } from '@salmon-sae/dataflow';
import { openSae } from '@salmon-sae/sae-core';
import { from, lastValueFrom, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { boosted } from './boosted.js';
import { silentRow, sliceLatents } from './codes.js';
import { fitGate } from './domain-gate.js';
import { residualOf } from './residual-of.js';

const width = 10;
const rows = 200;
const site = { model: 'toy', hook: 'resid_post.0', width };

/** A JumpReLU SAE with high thresholds, so that many rows are silent. */
function sparseSae(seed: number, latents: number, { bias = 0, threshold = 1.2 } = {}): SaeState {
  const generator = random(seed, 'weights');
  const array = (shape: readonly number[], scale: number): NdArray => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => generator.normal() * scale),
  });
  return {
    config: { kind: 'jumprelu', apply_b_dec_to_input: false },
    weights: {
      W_enc: array([width, latents], 0.3),
      b_enc: array([latents], 0.1),
      W_dec: array([latents, width], 0.5),
      b_dec: array([width], bias),
      threshold: { shape: [latents], data: new Float32Array(latents).fill(threshold) },
    },
    scale: 1,
    site,
    trained: { tokens: 0, steps: 0, seed, versions: {}, facts: {} },
  };
}

function batch(seed: number, shift = 0): ActivationBatch {
  const generator = random(seed, 'x');
  const values = Float32Array.from({ length: rows * width }, (_, i) => generator.normal() + (i % width === 0 ? shift : 0));
  const zeros = new Int32Array(rows);
  return {
    site,
    rows,
    values,
    origin: { tokenId: zeros, position: zeros, doc: zeros, docs: ['d'], domains: ['toy'] },
    cursor: { source: 'toy', shard: 0, row: rows },
  };
}

beforeAll(() => useBackend());

describe('residualOf', () => {
  it('passes x through and makes the target x - base(x), also on top of a target that is already there', async () => {
    const base = openSae(sparseSae(1, 16, { bias: 0.5 }));
    const plain = batch(3);
    const target = plain.values.map((value) => 2 * value);
    const [first, second] = await lastValueFrom(from([plain, { ...plain, target }]).pipe(residualOf(base), toArray()));
    const recon = base.run(plain.values, rows).recon;
    expect(first!.values).toBe(plain.values);
    for (const i of [0, 17, rows * width - 1]) {
      expect(first!.target![i]).toBeCloseTo(plain.values[i]! - recon[i]!, 6);
      expect(second!.target![i]).toBeCloseTo(2 * plain.values[i]! - recon[i]!, 6);
    }
    base.dispose();
  });

  it('refuses activations of another width', async () => {
    const base = openSae(sparseSae(1, 4));
    const wrong = { ...batch(1), site: { ...site, width: 5 } };
    await expect(lastValueFrom(from([wrong]).pipe(residualOf(base)))).rejects.toThrow(/width 10/);
    base.dispose();
  });
});

describe('boosted', () => {
  it('is the sum of its parts, and exactly the base where no residual latent fires', () => {
    const base = openSae(sparseSae(1, 16, { bias: 0.5 }));
    const residuals = [openSae(sparseSae(2, 5)), openSae(sparseSae(3, 6))];
    const both = boosted(base, residuals);
    const { values } = batch(4);
    const { codes, recon } = both.run(values, rows);
    const own = base.run(values, rows).recon;
    const parts = residuals.map((residual) => residual.run(values, rows).recon);
    const added = sliceLatents(codes, 16, 27);
    let silent = 0;
    for (let row = 0; row < rows; row++) {
      for (let d = 0; d < width; d++) {
        const i = row * width + d;
        if (silentRow(added, row)) expect(recon[i]).toBe(own[i]);
        else expect(recon[i]).toBeCloseTo(own[i]! + parts[0]![i]! + parts[1]![i]!, 5);
      }
      if (silentRow(added, row)) silent++;
    }
    expect(silent).toBeGreaterThan(10);
    expect(silent).toBeLessThan(rows - 10);
    expect(both.latents).toBe(27);
    [base, ...residuals].forEach((part) => part.dispose());
  });

  it('decodes its own codes to what run gives', () => {
    const both = boosted(openSae(sparseSae(1, 16, { bias: 0.5 })), [openSae(sparseSae(2, 5)), openSae(sparseSae(3, 6))], { ownParts: true });
    const { values } = batch(5);
    const { codes, recon } = both.run(values, rows);
    expect(Array.from(both.encode(values, rows).indices)).toEqual(Array.from(codes.indices));
    const decoded = both.decode(codes);
    expect(Math.max(...decoded.map((value, i) => Math.abs(value - recon[i]!)))).toBeLessThan(1e-5);
    both.dispose();
  });

  it('runs a gated residual only on the rows its gate opens', () => {
    const base = openSae(sparseSae(1, 16, { bias: 0.5 }));
    const residual = openSae(sparseSae(2, 5, { threshold: 0 }));
    const domain = batch(6, 4);
    const broad = batch(7, -4);
    const gate = fitGate(domain, broad);
    const both = boosted(base, [residual], { gate });
    const onBroad = both.run(broad.values, rows);
    const changed = Array.from({ length: rows }, (_, row) => row).filter((row) => !silentRow(sliceLatents(onBroad.codes, 16, 21), row));
    expect(changed.length).toBeLessThan(rows * 0.02);
    const onDomain = both.run(domain.values, rows);
    const free = boosted(base, [residual]).run(domain.values, rows);
    const same = Array.from({ length: rows }, (_, row) => row).filter((row) => onDomain.recon[row * width] === free.recon[row * width]);
    expect(same.length).toBeGreaterThanOrEqual(rows * 0.94);
    expect(both.decode(onDomain.codes)[0]).toBeCloseTo(onDomain.recon[0]!, 5);
    const closed = boosted(base, [residual], { gate: { ...gate, threshold: Infinity } });
    expect(Array.from(closed.run(domain.values, rows).recon)).toEqual(Array.from(base.run(domain.values, rows).recon));
    base.dispose();
    residual.dispose();
  });

  it('refuses what does not fit', () => {
    const base = openSae(sparseSae(1, 16));
    const biased = openSae(sparseSae(2, 5, { bias: 1 }));
    const gate = { kind: 'linear' as const, direction: new Float32Array(width), threshold: 0 };
    expect(() => boosted(base, [biased], { gate })).toThrow(/decoder bias/);
    expect(() => boosted(base, [biased], { gate: [undefined, gate] })).toThrow(/1 entries/);
    expect(() => boosted(base, [{ ...biased, width: 3 }])).toThrow(/input width 3/);
    base.dispose();
    biased.dispose();
  });

  it('leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    const both = boosted(openSae(sparseSae(1, 16)), [openSae(sparseSae(2, 5))], { ownParts: true });
    both.decode(both.run(batch(1).values, rows).codes);
    both.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
