import { useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { documentBootstrap, drawCounts } from './document-bootstrap.js';
import { documentSums } from './document-sums.js';
import { documentUnits } from './document-units.js';
import { interval, recentred } from './estimate.js';

describe('resampling documents', () => {
  beforeAll(async () => void (await useBackend()));

  it('counts only documents that have rows, and groups the rest in any order alike', () => {
    const units = documentUnits(100);
    expect([...units.locate(['a', 'unused', 'b'], Int32Array.of(2, 0, 2, -1))]).toEqual([0, 1, 0, -1]);
    expect(units.documents).toBe(2);
    const names = Array.from({ length: 50 }, (_, i) => `d${i}`);
    const doc = Int32Array.from(names.keys());
    const forward = documentUnits(8);
    const backward = documentUnits(8);
    const a = forward.locate(names, doc);
    for (const name of [...names].reverse()) backward.locate([name], Int32Array.of(0));
    expect([...backward.locate(names, doc)]).toEqual([...a]);
    expect(backward.signature()).toBe(forward.signature());
  });

  it('keeps sums through growth and folding, and weighs documents by their draws', () => {
    const units = documentUnits(30);
    const sums = documentSums(units, 2);
    for (let i = 0; i < 60; i++) {
      const [unit] = units.locate([`d${i}`], Int32Array.of(0));
      sums.reserve();
      sums.data[(unit as number) * 2] = (sums.data[(unit as number) * 2] as number) + 1;
      sums.data[(unit as number) * 2 + 1] = (sums.data[(unit as number) * 2 + 1] as number) + i;
    }
    expect([...sums.total()]).toEqual([60, 1770]);
    const bootstrap = documentBootstrap(units, { replicates: 400, seed: 1 });
    const drawn = bootstrap.resample(sums, 2);
    const wide = bootstrap.resampleWide(2, (unit, row) => row.set(sums.data.subarray(unit * 2, unit * 2 + 2)));
    wide.forEach((v, i) => expect(v).toBeCloseTo(drawn[i] as number, 2));
    const mean = drawn.filter((_, i) => i % 2 === 0).reduce((a, b) => a + b, 0) / 400;
    expect(mean).toBeCloseTo(60, -0.5);
  });

  it('draws n of n each time, the same for the same seed', () => {
    const counts = drawCounts(10, 20, 4);
    for (let r = 0; r < 20; r++) expect(counts.subarray(r * 10, r * 10 + 10).reduce((a, b) => a + b, 0)).toBe(10);
    expect(drawCounts(10, 20, 4)).toEqual(counts);
    expect(drawCounts(10, 20, 5)).not.toEqual(counts);
  });

  it('reads percentile intervals, drops what is not finite, and gives none for one document', () => {
    const samples = Float64Array.from({ length: 101 }, (_, i) => 100 - i);
    const { low, high } = interval({ metric: 'm', value: 50, samples, key: '' });
    expect(low).toBeCloseTo(2.5, 9);
    expect(high).toBeCloseTo(97.5, 9);
    expect(interval({ metric: 'm', value: 1, samples: Float64Array.of(Number.NaN, 3), key: '' })).toEqual({ value: 1, low: 3, high: 3 });
    expect(interval({ metric: 'm', value: 1, samples: new Float64Array(0), key: '' })).toEqual({ value: 1 });
    const shifted = recentred({ metric: 'm', value: 7, samples: Float64Array.of(1, 2, 3), key: '' });
    expect([...shifted.samples]).toEqual([6, 7, 8]);
    const units = documentUnits(4);
    units.locate(['one'], Int32Array.of(0));
    expect(documentBootstrap(units, {}).replicates).toBe(0);
  });
});
