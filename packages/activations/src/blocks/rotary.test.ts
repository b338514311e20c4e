import { tf, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { inverseFrequencies, rotary } from './rotary.js';

beforeAll(async () => {
  await useBackend();
});

describe('rotary embedding', () => {
  it('turns pairs by position times frequency and leaves the rest', () => {
    const config = { theta: 100, partial: 0.5, scaling: { kind: 'default' as const } };
    const turn = rotary(config, 8);
    const x = Float32Array.from({ length: 3 * 8 }, (_, i) => i / 7 - 1);
    const got = tf.tidy(() => [...turn.apply(tf.tensor4d(x, [1, 1, 3, 8])).dataSync()]);
    turn.dispose();
    for (let t = 0; t < 3; t++) {
      [1, 0.1].forEach((frequency, i) => {
        const [a, b] = [x[t * 8 + i] as number, x[t * 8 + i + 2] as number];
        const [cos, sin] = [Math.cos(t * frequency), Math.sin(t * frequency)];
        expect(got[t * 8 + i]).toBeCloseTo(a * cos - b * sin, 5);
        expect(got[t * 8 + i + 2]).toBeCloseTo(b * cos + a * sin, 5);
      });
      for (let i = 4; i < 8; i++) expect(got[t * 8 + i]).toBeCloseTo(x[t * 8 + i] as number, 6);
    }
  });

  it('scales long wavelengths as Llama-3 does, and all of them with linear scaling', () => {
    const scaling = { kind: 'llama3' as const, factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 32 };
    const plain = inverseFrequencies({ theta: 1e4, partial: 1, scaling: { kind: 'default' } }, 16);
    const scaled = inverseFrequencies({ theta: 1e4, partial: 1, scaling }, 16);
    plain.forEach((frequency, i) => {
      const wavelength = (2 * Math.PI) / frequency;
      const got = scaled[i] as number;
      if (wavelength < 8) expect(got).toBe(frequency);
      else if (wavelength > 32) expect(got).toBeCloseTo(frequency / 8, 12);
      else expect(got > frequency / 8 && got < frequency).toBe(true);
    });
    const linear = inverseFrequencies({ theta: 1e4, partial: 1, scaling: { kind: 'linear', factor: 4 } }, 16);
    linear.forEach((frequency, i) => expect(frequency).toBeCloseTo((plain[i] as number) / 4, 12));
  });
});
