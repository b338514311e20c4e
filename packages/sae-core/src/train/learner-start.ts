import type { NdArray } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import type { ArrayMap } from '../architectures/architecture.js';
import { biasFromData } from './bias-init.js';
import type { LearnerShape, LearnerSnapshot } from './learner.js';
import type { Scales, TrainBatch } from './normalisation.js';
import type { ResolvedSpec } from './train-spec.js';

/** Where a learner starts: from the seed (fitted to the first batches), from given weights, or from a snapshot. */
export interface LearnerStart {
  readonly scales: Scales;
  /** The batches the scale was estimated on; data-dependent initial values come from them. */
  readonly sample: readonly TrainBatch[];
  /** Weights in training units, by parameter name; missing ones are initialised. */
  readonly initial?: ArrayMap;
}

/** A learner before its first step. The optimiser's slots are left out: they are zero. */
export function startSnapshot(spec: ResolvedSpec, shape: LearnerShape, options: LearnerStart): LearnerSnapshot {
  const { sae, training } = spec.config;
  const context = { ...shape, random: random(training.seed, 'init') };
  const init = spec.architecture.init(sae, context);
  const params: Record<string, NdArray> = { ...init, ...biasFromData(sae, init, options) };
  for (const name of Object.keys(init)) if (options.initial?.[name] !== undefined) params[name] = options.initial[name];
  const state = {
    ...spec.architecture.initState?.(sae, context),
    ...spec.architecture.fitState?.(sae, { target: scaledTargets(options), width: shape.outWidth }),
  };
  const silence = { shape: [sae.latents], data: new Int32Array(sae.latents) };
  return { step: 0, tokens: 0, scales: options.scales, params, slots: {}, state, silence, firstBad: 0 };
}

function scaledTargets({ sample, scales }: LearnerStart): Float32Array {
  const blocks = sample.map((batch) => batch.target ?? batch.values);
  const out = new Float32Array(blocks.reduce((n, b) => n + b.length, 0));
  let at = 0;
  for (const block of blocks) for (const v of block) out[at++] = v / scales.output;
  return out;
}
