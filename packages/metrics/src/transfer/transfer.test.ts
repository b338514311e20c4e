import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { dare } from './dare.js';
import type { DomainRows } from './dense-task.js';
import { pickRows, softmaxLoss } from './dense-task.js';
import { frrHead } from './frr.js';
import { whiten, whiteningOf } from './whitening.js';

const draw = random(6);

function rowsOf(n: number, domains: readonly string[], make: (label: number, domain: string) => readonly number[]): DomainRows {
  const label = Array.from({ length: n }, (_, i) => i % 2);
  const domain = Array.from({ length: n }, (_, i) => domains[Math.floor(i / 2) % domains.length] as string);
  const x = Float64Array.from(label.flatMap((y, i) => make(y, domain[i] as string)));
  return { rows: n, width: x.length / n, x, label, classes: 2, domain };
}

describe('whitening', () => {
  it('gives unit covariance', () => {
    const data = rowsOf(4000, ['a'], () => {
      const u = draw.normal();
      return [3 * u, u + 0.5 * draw.normal(), 10 + draw.normal()];
    });
    const { matrix, mean } = whiteningOf(data, 1e-9);
    const z = whiten(data.x.map((v, i) => v - (mean[i % 3] as number)), matrix, 3);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        let c = 0;
        for (let t = 0; t < 4000; t++) c += ((z[t * 3 + i] as number) * (z[t * 3 + j] as number)) / 4000;
        expect(c).toBeCloseTo(i === j ? 1 : 0, 5);
      }
    }
  });
});

describe('dare', () => {
  it('does better than a plain head in an unseen domain where a feature is far louder', () => {
    // Feature 0 carries the signal; feature 1 helps where it is small and drowns everything in domain d, where it is loud.
    const scales: Record<string, number> = { a: 0.3, b: 0.5, c: 0.7, d: 30 };
    const data = rowsOf(4000, Object.keys(scales), (y, domain) => {
      const s = scales[domain] as number;
      return [(y === 1 ? 1 : -1) + 0.6 * draw.normal(), s * (0.8 * (y === 1 ? 1 : -1) + draw.normal()), draw.normal()];
    });
    const result = dare(data);
    expect(Object.keys(result.domains)).toEqual(['a', 'b', 'c', 'd']);
    expect(result.metrics['dare_adapted_accuracy@1']?.value).toBeGreaterThan(0.9);
    expect(result.metrics['dare_accuracy@1']?.value).toBeGreaterThan(0.8);
    expect(result.domains['d']?.['dare_adapted_accuracy@1']).toBeGreaterThan((result.domains['d']?.['erm_accuracy@1'] as number) + 0.05);
    expect(result.metrics['erm_accuracy@1']?.samples.length).toBe(1000);
    expect(() => dare(pickRows(data, (t) => data.domain[t] !== 'a' && data.domain[t] !== 'b'))).toThrow(/at least three domains/);
  });

  it('has the gradient of its loss (finite differences)', () => {
    const z = { data: Float64Array.from({ length: 12 }, () => draw.normal()), columns: 3 };
    const label = [0, 1, 1, 0];
    const w = Float64Array.from({ length: 8 }, () => draw.normal());
    const gradient = new Float64Array(8);
    softmaxLoss(w, gradient, { z, label, classes: 2 });
    for (let i = 0; i < 8; i++) {
      const at = (h: number): number => softmaxLoss(w.map((v, k) => (k === i ? v + h : v)), new Float64Array(8), { z, label, classes: 2 });
      expect(gradient[i]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 7);
    }
  });
});

describe('frr', () => {
  // Feature 0 is a clean shortcut in training and absent at test; features 1..6 are noisy copies of the label.
  const make = (shortcut: boolean) => (y: number): readonly number[] => {
    const s = y === 1 ? 1 : -1;
    return [shortcut ? 4 * s + 0.1 * draw.normal() : 0.1 * draw.normal(), ...Array.from({ length: 6 }, () => s + 1.2 * draw.normal())];
  };
  const train = rowsOf(1000, ['train'], make(true));
  const test = rowsOf(1000, ['test'], make(false));

  it('spreads the head over the features that carry the label and so survives the loss of a shortcut', () => {
    const plain = frrHead(train, { weight: 0 });
    const frr = frrHead(train, { weight: 10 });
    expect(plain.accuracy(train)).toBeGreaterThan(0.99);
    expect(frr.accuracy(train)).toBeGreaterThan(0.98);
    expect(frr.featuresUsed).toBeGreaterThan(plain.featuresUsed + 0.5);
    expect(frr.reconstruction).toBeLessThan(plain.reconstruction);
    expect(frr.accuracy(test)).toBeGreaterThanOrEqual(plain.accuracy(test));
  });
});
