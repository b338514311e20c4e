import { SalmonError } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { jointProvenance } from '../boosted-state.js';
import { largest } from '../largest.js';
import { appendLatents, latentCount, replaceLatents, takeLatents } from '../latent-rows.js';

export interface MostChangedOptions {
  /** Latents to graft. */
  readonly latents: number;
  /** replace: the fine-tuned latent takes its original's place, the width stays. append: it stands beside it, the width grows. */
  readonly place: 'replace' | 'append';
}

export const mostChangedDefaults: MostChangedOptions = { latents: 1024, place: 'replace' };

/**
 * Baseline 4 of SAE Boost (arXiv 2507.12990): from a fully fine-tuned copy, graft the latents that moved most into the base; no training of its own. The paper
 * does not say (in what was available) whether originals are kept; `place` offers both.
 */
export function stitchMostChanged(base: SaeState, fineTuned: SaeState, options: Partial<MostChangedOptions> = {}): SaeState {
  const { latents, place } = { ...mostChangedDefaults, ...options };
  const before = latentCount(base);
  if (latentCount(fineTuned) !== before || base.config.kind !== fineTuned.config.kind || latents > before) {
    throw new SalmonError('bad-config', {
      what: 'The fine-tuned SAE is not a copy of the base, or more latents are to be grafted than there are',
      expected: `a ${base.config.kind} SAE of ${before} latents, at most ${before} grafts`,
      got: `a ${fineTuned.config.kind} SAE of ${latentCount(fineTuned)} latents, ${latents} grafts`,
    });
  }
  const indices = largest(latentDisplacement(base, fineTuned), latents).sort();
  const grafts = takeLatents(fineTuned, indices);
  const stitched = place === 'replace' ? replaceLatents(base, indices, grafts) : appendLatents(base, grafts);
  return { ...stitched, trained: jointProvenance(base, [fineTuned]) };
}

/** How far each latent moved: root of the summed squares of the relative change of its decoder row and of its encoder column. */
export function latentDisplacement(before: SaeState, after: SaeState): Float64Array {
  const latents = latentCount(before);
  const decoder = relativeChange(before.weights['W_dec']!, after.weights['W_dec']!, { latents, axis: 0 });
  const encoder = relativeChange(before.weights['W_enc']!, after.weights['W_enc']!, { latents, axis: 1 });
  return decoder.map((value, latent) => Math.hypot(value, encoder[latent]!));
}

function relativeChange(before: NdArray, after: NdArray, { latents, axis }: { readonly latents: number; readonly axis: 0 | 1 }): Float64Array {
  const inner = before.data.length / latents;
  const moved = new Float64Array(latents);
  const size = new Float64Array(latents);
  for (let i = 0; i < before.data.length; i++) {
    const latent = axis === 0 ? Math.floor(i / inner) : i % latents;
    moved[latent]! += (after.data[i]! - before.data[i]!) ** 2;
    size[latent]! += before.data[i]! ** 2;
  }
  return moved.map((value, latent) => Math.sqrt(value / Math.max(size[latent]!, Number.MIN_VALUE)));
}
