import type { LatentStatistics } from '@salmon-sae/autointerp';
import type { ActivationBatch, LanguageModel } from '@salmon-sae/dataflow';
import { denseLatents } from '@salmon-sae/metrics';
import type { Sae } from '@salmon-sae/sae-core';
import { spreadBatches } from './activation-sample.js';

/** `latents_dense@1`: active on more than a tenth of the tokens. */
export const DENSE = 0.1;
/** Tokens that the detectors look at. */
export const DENSE_TOKENS = 20_000;
const BATCH = 256;

export interface DenseLatentClass {
  readonly latent: number;
  /** Classes joined by `+`, or `unclassified`. */
  readonly classes: string;
}

/** What an SAE's dense latents are for (arXiv 2506.15679): densities from a whole text, detectors on a sample of its activations. None: an empty list. */
export function denseClassesOf(sae: Sae, by: { readonly statistics: LatentStatistics; readonly sample: ActivationBatch; readonly model: LanguageModel }): readonly DenseLatentClass[] {
  const { statistics, sample, model } = by;
  if (!hasDense(statistics)) return [];
  const activity = { tokens: statistics.tokens, counts: statistics.active, mass: statistics.sum };
  // Only directions of the residual stream reach the unembedding.
  const effects = sae.outWidth === model.info.width ? { model } : {};
  const { latents } = denseLatents({ sae, activity, batches: spreadBatches(sample, BATCH, DENSE_TOKENS), threshold: DENSE, tokens: DENSE_TOKENS, ...effects });
  return latents.map(({ latent, classes }) => ({ latent, classes: classes.length === 0 ? 'unclassified' : classes.join('+') }));
}

export function hasDense(statistics: LatentStatistics): boolean {
  return statistics.active.some((active) => active > DENSE * statistics.tokens);
}
