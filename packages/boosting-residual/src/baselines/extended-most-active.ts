import { SalmonError, random } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { largest } from '../largest.js';
import { appendLatents, latentCount, takeLatents } from '../latent-rows.js';
import { extensionDefaults, extensionPlan } from './baseline-plan.js';
import type { BaselinePlan, ExtensionOptions } from './baseline-plan.js';

export interface MostActiveOptions extends ExtensionOptions {
  /** Noise on the copies, relative to each row's mean size: without it a copy and its original would learn the same for ever. */
  readonly jitter: number;
}

export const mostActiveDefaults: MostActiveOptions = { ...extensionDefaults, jitter: 0.01 };

/**
 * Baseline 3 of SAE Boost (arXiv 2507.12990): more latents, copied from the base latents that fire most often on domain text (`fired`: how often each
 * did), then trained with the base on domain text. Throws `bad-config` when more copies are asked for than the base has latents.
 */
export function extendedMostActive(base: SaeState, fired: ArrayLike<number>, options: Partial<MostActiveOptions> = {}): BaselinePlan {
  const { latents, seed, train, jitter } = { ...mostActiveDefaults, ...options };
  const before = latentCount(base);
  if (fired.length !== before || latents > before) {
    throw new SalmonError('bad-config', {
      what: 'The base has too few latents, or its activity was counted on another SAE',
      where: 'extended with the most active latents',
      expected: `activity of ${before} latents and at most ${before} copies`,
      got: `activity of ${fired.length} latents, ${latents} copies`,
    });
  }
  const copies = takeLatents(base, largest(fired, latents));
  const generator = random(seed, 'extended', 'jitter');
  const noisy = Object.entries(copies.arrays).map(([name, array]): readonly [string, NdArray] => {
    if (name !== 'W_enc' && name !== 'W_dec') return [name, array];
    const size = Math.sqrt(array.data.reduce((sum, value) => sum + value * value, 0) / array.data.length);
    return [name, { shape: array.shape, data: array.data.map((value) => value + jitter * size * generator.normal()) }];
  });
  const initial = appendLatents(base, { count: latents, arrays: Object.fromEntries(noisy) });
  return extensionPlan('extended-most-active', initial, { before, latents, train });
}
