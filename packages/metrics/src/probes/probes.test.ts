import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { batchesOf, codesOf, gaussianRows, identityAnchor } from '../anchors/anchors.js';
import { kSparseProbing } from './k-sparse-probing.js';
import { labelRows, splitRows } from './labelled-rows.js';
import { logisticRegression, logits } from './logistic-regression.js';
import { minimise } from './minimise.js';
import { auroc, f1, f1OfLogits, spearman } from './scores.js';
import { sparseLogistic } from './sparse-logistic.js';

const draw = random(8);

describe('minimise', () => {
  it('reaches the minimum of Rosenbrock’s valley', () => {
    const found = minimise(
      (x, g) => {
        const [a = 0, b = 0] = x;
        g[0] = -2 * (1 - a) - 400 * a * (b - a * a);
        g[1] = 200 * (b - a * a);
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2;
      },
      Float64Array.of(-1.2, 1),
      { tolerance: 1e-10 },
    );
    expect(found[0]).toBeCloseTo(1, 6);
    expect(found[1]).toBeCloseTo(1, 6);
  });
});

describe('logistic regression', () => {
  const n = 4000;
  const x = Float64Array.from({ length: n * 2 }, () => draw.normal());
  const y = Uint8Array.from({ length: n }, (_, t) => (draw.next() < 1 / (1 + Math.exp(-(2 * (x[t * 2] as number) - 1))) ? 1 : 0));

  it('recovers planted weights, whatever the scale of the inputs', () => {
    const probe = logisticRegression({ rows: n, width: 2, x }, y, { l2: 0 });
    expect(probe.weights[0]).toBeCloseTo(2, 0);
    expect(Math.abs(probe.weights[1] as number)).toBeLessThan(0.15);
    expect(probe.bias).toBeCloseTo(-1, 0);
    const scaled = logisticRegression({ rows: n, width: 2, x: x.map((v) => 1000 * v + 50) }, y, { l2: 0 });
    expect((scaled.weights[0] as number) * 1000).toBeCloseTo(probe.weights[0] as number, 4);
    // At the optimum of the unpenalised loss the mean prediction equals the base rate.
    const mean = logits({ rows: n, width: 2, x }, probe).reduce((s, l) => s + 1 / (1 + Math.exp(-l)), 0) / n;
    expect(mean).toBeCloseTo(y.reduce((a, b) => a + b, 0) / n, 5);
  });

  it('weighs classes alike on request and refuses one class', () => {
    const rare = y.map((v, t) => (v === 1 && t % 10 === 0 ? 1 : 0));
    const plain = logits({ rows: n, width: 2, x }, logisticRegression({ rows: n, width: 2, x }, rare));
    const balanced = logits({ rows: n, width: 2, x }, logisticRegression({ rows: n, width: 2, x }, rare, { balanced: true }));
    const share = (l: Float64Array): number => l.filter((v) => v > 0).length / n;
    expect(share(balanced)).toBeGreaterThan(share(plain) + 0.2);
    expect(() => logisticRegression({ rows: 2, width: 1, x: Float64Array.of(1, 2) }, [1, 1])).toThrow(/both classes/);
  });

  it('keeps only the informative latent under L1, and satisfies its optimality condition', () => {
    const dense = Float32Array.from({ length: 1000 * 20 }, () => (draw.next() < 0.3 ? draw.next() : 0));
    const label = Uint8Array.from({ length: 1000 }, (_, t) => ((dense[t * 20 + 3] as number) > 0 ? 1 : 0));
    const weights = sparseLogistic(codesOf(dense, 1000, 20), label, { l1: 0.05 });
    expect([...weights.keys()].filter((f) => weights[f] !== 0)).toEqual([3]);
    expect(weights[3]).toBeGreaterThan(0);
    expect(sparseLogistic(codesOf(dense, 1000, 20), label, { l1: 10 }).every((w) => w === 0)).toBe(true);
  });
});

describe('scores', () => {
  it('agree with hand-made cases', () => {
    expect(auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
    expect(auroc([1, 1, 1], [0, 1, 1])).toBe(0.5);
    expect(f1(2, 1, 1)).toBeCloseTo(2 / 3, 12);
    expect(f1(0, 0, 0)).toBe(0);
    expect(f1OfLogits([1, -1, 2, -3], [1, 1, 0, 0])).toBeCloseTo(0.5, 12);
    expect(spearman([1, 2, 3, 4], [10, 100, 1000, 10_000])).toBe(1);
    expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
    expect(spearman([1, 1, 1], [1, 2, 3])).toBe(0);
    expect(spearman([1, 2, 2, 3], [1, 3, 2, 4])).toBeCloseTo(0.9486832980505138, 12);
  });
});

describe('k-sparse probing', () => {
  const planted = gaussianRows({ rows: 1200, width: 6, documents: 300, seed: 2 });
  const rows = labelRows(batchesOf(planted, 100), (batch, t) => ((batch.values[t * 6 + 2] as number) > 0 ? 'up' : 'down'));
  const relu = { ...identityAnchor(6), run: (x: Float32Array, n: number) => ({ ...identityAnchor(6).run(x, n), codes: codesOf(x.map((v) => Math.max(0, v)), n, 6) }) };

  it('solves a task that one latent carries with k = 1, and not one that no latent carries', () => {
    const result = kSparseProbing(relu, rows, { pool: false, k: [1, 2], replicates: 100 });
    expect(result.probes.map((p) => p.latents[0])).toEqual([2, 2]);
    expect(result.metrics['sparse_probe_k1@1']?.value).toBeGreaterThan(0.93);
    expect(result.metrics['dense_probe@1']?.value).toBeGreaterThan(0.95);
    expect(result.probes[0]?.auroc['sparse_probe_k1@1']).toBeGreaterThan(0.9);
    const random2 = { ...rows, labels: rows.labels.map(() => (draw.next() < 0.5 ? 'a' : 'b')) };
    expect(kSparseProbing(relu, random2, { pool: false }).metrics['sparse_probe_k5@1']?.value).toBeLessThan(0.62);
  });

  it('pools tokens of a document into one example and splits by document', () => {
    const byDocument = { ...rows, labels: rows.groups.map((g) => (Number(g.slice(4)) % 2 === 0 ? 'even' : 'odd')) };
    const pooled = kSparseProbing(relu, byDocument, { k: [1] });
    expect(pooled.metrics['sparse_probe_k1@1']?.value).toBeLessThan(0.7);
    const { train, test } = splitRows(rows, 0.5);
    expect(train.rows + test.rows).toBe(1200);
    expect(train.groups.some((group) => test.groups.includes(group))).toBe(false);
  });
});
