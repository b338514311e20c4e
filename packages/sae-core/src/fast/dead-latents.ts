import type { tf } from '@salmon-sae/compute';
import { nextSilence } from '../train/autodiff-step.js';
import type { SparseStepRequest } from './sparse-step.js';

/** Indices of the dead latents of this step, ascending; `fired` [F] bool: active in this batch. */
export function deadLatents(request: SparseStepRequest, fired: tf.Tensor1D): Int32Array {
  const { training, schedule } = request;
  const perStep = training.deadUnit === 'tokens' ? request.x.shape[0] : 1;
  // Silence cannot exceed what has been trained on: no need to look before that.
  if ((schedule.step + 1) * perStep < request.deadAfter) return new Int32Array(0);
  const before = training.deadRule === 'before-step';
  const silence = (before ? request.silence : nextSilence(request.silence, fired, perStep)).dataSync<'int32'>();
  const dead: number[] = [];
  for (let f = 0; f < silence.length; f++) {
    const quiet = silence[f] as number;
    if (before ? quiet > Math.floor(request.deadAfter) : quiet >= Math.ceil(request.deadAfter)) dead.push(f);
  }
  return Int32Array.from(dead);
}
