import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Directions } from '../geometry/directions.js';
import { unitRows } from '../geometry/directions.js';
import { metaSae } from './meta-sae.js';

const WIDTH = 24;
const draw = random(9);

function dictionary(latents: number, make: () => readonly number[]): Directions {
  const rows = unitRows(Float32Array.from(Array.from({ length: latents }, make).flat()), WIDTH);
  return { latents, encoderWidth: WIDTH, decoderWidth: WIDTH, encoder: rows, decoder: rows };
}

describe('metaSae', () => {
  beforeAll(async () => void (await useBackend()));

  it('explains decoder rows that are sums of a few shared directions better than unrelated ones, and leaks nothing', async () => {
    const shared = Array.from({ length: 16 }, () => Array.from({ length: WIDTH }, () => draw.normal()));
    const composed = dictionary(128, () => {
      const [a, b] = [shared[draw.below(16)], shared[draw.below(16)]] as [number[], number[]];
      return a.map((v, d) => v + (b[d] as number));
    });
    const unrelated = dictionary(128, () => Array.from({ length: WIDTH }, () => draw.normal()));
    const options = { latents: 32, k: 2, steps: 600, batch: 64, replicates: 100, learningRate: 3e-3 };
    const before = tf.memory().numTensors;
    const high = await metaSae(composed, options);
    const low = await metaSae(unrelated, options);
    expect(tf.memory().numTensors).toBe(before);
    expect(high.fve.metric).toBe('meta_fve@1');
    expect(high.fve.value).toBeGreaterThan(low.fve.value + 0.2);
    expect(high.fve.samples.length).toBe(100);
    const again = await metaSae(composed, options);
    expect(again.fve.value).toBe(high.fve.value);
  });

  it('refuses a dictionary that is too small', async () => {
    await expect(metaSae(dictionary(4, () => Array.from({ length: WIDTH }, () => 1)))).rejects.toThrow(/Too few latents/);
  });
});
