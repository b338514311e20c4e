import { random } from '@salmon-sae/dataflow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ActivationBins } from './activation-bins.js';

const positive = fc.float({ min: Math.fround(1e-6), max: Math.fround(1e6), noNaN: true });

function binsOf(values: readonly number[]): ActivationBins {
  const bins = new ActivationBins(2);
  for (const value of values) bins.see(1, value);
  return bins;
}

describe('ActivationBins', () => {
  it('counts every activation in the bin whose edges enclose it', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 60 }), (values) => {
        const { edges, counts } = binsOf(values).histogram(1);
        expect(edges).toHaveLength(counts.length + 1);
        expect(counts).toEqual(counts.map((_, k) => values.filter((v) => v >= (edges[k] as number) && v < (edges[k + 1] as number)).length));
        expect(counts.reduce((a, b) => a + b, 0)).toBe(values.length);
        expect(counts[0]).toBeGreaterThan(0);
        expect(counts.at(-1)).toBeGreaterThan(0);
      }),
    );
  });

  it('gives bars of equal width with the same counts', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ min: 1, max: 127, noNaN: true }), { minLength: 1, maxLength: 60 }), (values) => {
        const { step, counts } = binsOf(values).bars(1);
        expect(counts).toEqual(counts.map((_, k) => values.filter((v) => Math.floor(v / step) === k).length));
        expect(counts.length).toBeGreaterThan(32);
        expect(counts.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('does not depend on the order, though the range moves up with larger activations', () => {
    const draws = random(4, 'bins');
    const values = Array.from({ length: 500 }, () => Math.exp(6 * draws.normal()));
    const [up, down] = [[...values].sort((a, b) => a - b), [...values].sort((a, b) => b - a)];
    for (const bins of [binsOf(up), binsOf(down)]) {
      expect(bins.histogram(1)).toEqual(binsOf(values).histogram(1));
      expect(bins.bars(1)).toEqual(binsOf(values).bars(1));
    }
    // Eight octaves below the largest, and what is weaker in a bin that begins at 0.
    expect(binsOf(values).histogram(1).edges[0]).toBe(0);
    expect(binsOf(values).histogram(1).counts.length).toBeLessThanOrEqual(64);
  });

  it('has nothing for a latent that never fired', () => {
    const bins = binsOf([1]);
    expect(bins.histogram(0)).toEqual({ edges: [], counts: [] });
    expect(bins.bars(0)).toEqual({ step: 0, counts: [] });
  });
});
