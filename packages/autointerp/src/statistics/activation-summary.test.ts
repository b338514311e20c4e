import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { describe, expect, it } from 'vitest';
import { activationHistogram, activationQuantiles } from './activation-summary.js';

interface Golden {
  readonly quantiles: readonly number[];
  readonly quantile_data_features_0_1_6: Readonly<Record<string, readonly number[]>>;
  readonly acts_histogram_50_bins_nonzero_only: Readonly<Record<string, { readonly bar_heights: number[]; readonly bar_values: number[] }>>;
}

describe('activation summaries equal SAEDashboard', async () => {
  const folder = join(import.meta.dirname, '../../test/fixtures/features');
  const golden = JSON.parse(await readFile(join(folder, 'features.json'), 'utf8')) as Golden;
  const file = await openSafetensors(join(folder, 'data.safetensors'));
  const acts = (await file.read('feature_acts')).data;
  await file.close();
  const of = (latent: number): number[] => Array.from({ length: 640 }, (_, p) => acts[p * 32 + latent] as number).filter((v) => v > 0);

  it.each(Object.keys(golden.acts_histogram_50_bins_nonzero_only))('histogram of latent %s', (key) => {
    const expected = golden.acts_histogram_50_bins_nonzero_only[key] as { readonly bar_heights: number[]; readonly bar_values: number[] };
    const { values, heights } = activationHistogram(of(Number(key)));
    expect(heights).toEqual(expected.bar_heights);
    values.forEach((value, i) => expect(value).toBeCloseTo(expected.bar_values[i] as number, 4));
  });

  it.each(Object.keys(golden.quantile_data_features_0_1_6))('quantiles of latent %s', (key) => {
    const expected = golden.quantile_data_features_0_1_6[key] as readonly number[];
    const found = activationQuantiles(of(Number(key)), 640, golden.quantiles.slice(0, -1));
    // The peer strips the leading quantiles that are 0.
    const positive = found.slice(found.length - expected.length);
    // The peer's probabilities are float32: up to 4e-5 of a rank off, times the step between neighbours (2.5 for latent 6).
    positive.forEach((value, i) => expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1.5e-4));
    expect(found.slice(0, found.length - expected.length).every((v) => v === 0)).toBe(true);
  });

  it('has nothing to draw for a silent latent', () => {
    expect(activationHistogram([0, 0])).toEqual({ values: [], heights: [] });
  });
});
