import { random } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { openSae } from '@salmon-sae/sae-core';
import type { Sae } from '@salmon-sae/sae-core';

/** What a random SAE has in common with a trained one. */
export interface RandomSaeOptions {
  readonly latents: number;
  readonly l0: number;
  readonly seed: number;
}

/** The chance control of probe tables: unit rows drawn at random, tied, centred on the text, as many and as often active (TopK) as a trained SAE's. */
export function randomSae(batches: readonly ActivationBatch[], { latents, l0, seed }: RandomSaeOptions): Sae {
  const [first] = batches;
  if (first === undefined) throw new Error('a random SAE needs a text');
  const { width } = first.site;
  const mean = new Float64Array(width);
  let rows = 0;
  for (const batch of batches) {
    rows += batch.rows;
    batch.values.forEach((value, i) => (mean[i % width]! += value));
  }
  const decoder = randomDirections(latents, width, seed);
  const encoder = Float32Array.from({ length: decoder.length }, (_, i) => decoder[(i % latents) * width + Math.floor(i / latents)]!);
  return openSae({
    config: { kind: 'topk', d_in: width, d_sae: latents, k: Math.max(1, Math.min(latents, Math.round(l0))) },
    weights: {
      W_enc: { shape: [width, latents], data: encoder },
      b_enc: { shape: [latents], data: new Float32Array(latents) },
      W_dec: { shape: [latents, width], data: decoder },
      b_dec: { shape: [width], data: Float32Array.from(mean, (sum) => sum / rows) },
    },
    scale: 1,
    site: first.site,
    trained: { tokens: 0, steps: 0, seed, versions: {}, facts: {} },
  });
}

/** [latents, width] unit rows, uniform on the sphere. */
export function randomDirections(latents: number, width: number, seed: number): Float32Array {
  const draw = random(seed, 'random-sae');
  const rows = new Float32Array(latents * width);
  for (let latent = 0; latent < latents; latent++) {
    const row = Float64Array.from({ length: width }, () => draw.normal());
    const norm = Math.hypot(...row);
    row.forEach((value, d) => (rows[latent * width + d] = value / norm));
  }
  return rows;
}
