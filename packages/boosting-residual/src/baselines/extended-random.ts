import { random } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { appendLatents, latentCount, takeLatents } from '../latent-rows.js';
import { extensionDefaults, extensionPlan } from './baseline-plan.js';
import type { BaselinePlan, ExtensionOptions } from './baseline-plan.js';

/**
 * Baseline 2 of SAE Boost (arXiv 2507.12990): more latents of random direction, trained with the base on domain text. Decoder rows uniform on the cube
 * and brought to the base's mean row norm, encoder = decoder transposed, biases 0, threshold = the base's median.
 */
export function extendedRandom(base: SaeState, options: Partial<ExtensionOptions> = {}): BaselinePlan {
  const { latents, seed, train } = { ...extensionDefaults, ...options };
  const before = latentCount(base);
  const decoder = randomRows(base, latents, seed);
  const [, width] = decoder.shape as [number, number];
  const arrays = Object.entries(takeLatents(base, []).arrays).map(([name, { shape }]): readonly [string, NdArray] => {
    if (name === 'W_dec') return [name, decoder];
    if (name === 'W_enc') return [name, transposed(decoder, width, { seed, reads: shape[0]! })];
    const value = name === 'threshold' ? median(base.weights['threshold']!.data) : 0;
    return [name, { shape: [latents], data: new Float32Array(latents).fill(value) }];
  });
  const initial = appendLatents(base, { count: latents, arrays: Object.fromEntries(arrays) });
  return extensionPlan('extended-random', initial, { before, latents, train });
}

function randomRows(base: SaeState, latents: number, seed: number): NdArray {
  const { shape, data } = base.weights['W_dec']!;
  const [rows, width] = shape as [number, number];
  let norms = 0;
  for (let row = 0; row < rows; row++) norms += norm(data.subarray(row * width, (row + 1) * width)) / rows;
  return directions(latents, width, { length: norms, generator: random(seed, 'extended', 'W_dec') });
}

function directions(rows: number, width: number, { length, generator }: { readonly length: number; readonly generator: ReturnType<typeof random> }): NdArray {
  const data = Float32Array.from({ length: rows * width }, () => 2 * generator.next() - 1);
  for (let row = 0; row < rows; row++) {
    const one = data.subarray(row * width, (row + 1) * width);
    const factor = length / norm(one);
    for (let i = 0; i < width; i++) one[i]! *= factor;
  }
  return { shape: [rows, width], data };
}

/** [latents, width] as encoder columns; a transcoder reads another width and gets directions of its own. */
function transposed(decoder: NdArray, width: number, { seed, reads }: { readonly seed: number; readonly reads: number }): NdArray {
  const latents = decoder.shape[0]!;
  const source = reads === width ? decoder : directions(latents, reads, { length: 1, generator: random(seed, 'extended', 'W_enc') });
  const data = new Float32Array(reads * latents);
  for (let f = 0; f < latents; f++) for (let i = 0; i < reads; i++) data[i * latents + f] = source.data[f * reads + i]!;
  return { shape: [reads, latents], data };
}

function norm(row: Float32Array): number {
  return Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
}

function median(values: Float32Array): number {
  const sorted = values.slice().sort();
  return sorted.length === 0 ? 0 : (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
