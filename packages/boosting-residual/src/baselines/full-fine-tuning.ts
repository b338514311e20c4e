import type { SaeState } from '@salmon-sae/dataflow';
import { latentCount } from '../latent-rows.js';
import type { BaselinePlan } from './baseline-plan.js';

/** Baseline 1 of SAE Boost (arXiv 2507.12990): go on training the whole base on domain text. The paper reports 28-36% of the general variance explained lost. */
export function fullFineTuning(base: SaeState): BaselinePlan {
  return { method: 'full-fine-tuning', initial: base, trainable: new Uint8Array(latentCount(base)).fill(1), trainDecoderBias: true };
}
