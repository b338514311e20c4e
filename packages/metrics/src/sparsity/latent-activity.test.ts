import type { SparseCodes } from '@salmon-sae/dataflow';
import { from, lastValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { batchesOf, codesOf, gaussianRows } from '../anchors/anchors.js';
import { latentActivity } from './latent-activity.js';

it('counts tokens, firings and mass over batches of any size, from the start for each subscriber', async () => {
  const rows = gaussianRows({ rows: 50, width: 4, documents: 5, seed: 2 });
  const sae = { latents: 4, encode: (x: Float32Array, n: number): SparseCodes => codesOf(x.map((v) => Math.max(0, v)), n, 4) };
  const expected = { counts: new Float64Array(4), mass: new Float64Array(4) };
  for (const batch of batchesOf(rows, 50)) {
    batch.values.forEach((v, i) => {
      if (!(v > 0)) return;
      expected.counts[i % 4]! += 1;
      expected.mass[i % 4]! += v;
    });
  }
  const stream = from(batchesOf(rows, 7)).pipe(latentActivity(sae));
  for (let subscriber = 0; subscriber < 2; subscriber++) {
    const { tokens, counts, mass } = await lastValueFrom(stream);
    expect(tokens).toBe(50);
    expect([...counts]).toEqual([...expected.counts]);
    mass.forEach((v, i) => expect(v).toBeCloseTo(expected.mass[i] ?? 0, 4));
  }
});
