import { useBackend } from '@salmon-sae/compute';
import { beforeAll, expect, it } from 'vitest';
import { randomState } from '../../synthetic/random-state.js';
import { denseCodes } from '../csr-builder.js';
import { openSae } from '../open-sae.js';

beforeAll(async () => {
  await useBackend();
});

it('routes, selects and weighs as the definition says', () => {
  const state = randomState('switch', { seed: 5 });
  const [D, F, N, active, k] = [8, 24, 4, 2, 4];
  const w = (name: string): Float32Array => state.weights[name]?.data as Float32Array;
  const rows = 10;
  const x = Float32Array.from({ length: rows * D }, (_, i) => Math.sin(3 * i + 1));
  const sae = openSae(state);
  const got = denseCodes(sae.encode(x, rows));
  sae.dispose();
  for (let r = 0; r < rows; r++) {
    const at = (d: number): number => x[r * D + d] as number;
    const logits = Array.from({ length: N }, (_, n) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += (at(d) - (w('b_router')[d] as number)) * (w('W_router')[d * N + n] as number);
      return Math.exp(sum);
    });
    const total = logits.reduce((a, b) => a + b);
    const chosen = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number)).slice(0, active);
    const acts = Array.from({ length: F }, (_, f) => {
      let sum = w('b_enc')[f] as number;
      for (let d = 0; d < D; d++) sum += (at(d) - (w('b_dec')[d] as number)) * (w('W_enc')[d * F + f] as number);
      return chosen.includes(Math.floor(f / (F / N))) ? Math.max(0, sum) : 0;
    });
    const kept = [...acts.keys()].sort((a, b) => (acts[b] as number) - (acts[a] as number)).slice(0, k);
    for (let f = 0; f < F; f++) {
      const expected = kept.includes(f) ? ((acts[f] as number) * (logits[Math.floor(f / (F / N))] as number)) / total : 0;
      expect(got[r * F + f]).toBeCloseTo(expected, 5);
    }
  }
});
