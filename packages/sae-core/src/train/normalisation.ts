import { SalmonError } from '@salmon-sae/dataflow';
import type { ArchitectureConfig } from '../architectures/architecture.js';
import { sharedFields } from '../architectures/base-config.js';
import type { TrainingOptions } from './training-config.js';

/** Rows as they arrive: x [rows, width] and, for residual SAEs and transcoders, what is to be reconstructed. */
export interface TrainBatch {
  readonly rows: number;
  readonly values: Float32Array;
  readonly target?: Float32Array;
}

export interface Scales {
  readonly input: number;
  readonly output: number;
}

/**
 * The scalar to divide activations by: sqrt(mean ||x||^2) for 'mean-square' (arXiv 2408.05147 section 3.1), or
 * mean ||x|| / sqrt(width) for 'mean-norm' (Anthropic, SAELens). Sums in float64.
 * @throws SalmonError no-data, bad-shape where the activations are zero or not finite
 */
export function estimateScale(blocks: readonly Float32Array[], width: number, kind: TrainingOptions['normalize']): number {
  if (kind === 'none') return 1;
  let rows = 0;
  let sum = 0;
  for (const block of blocks) {
    for (let start = 0; start < block.length; start += width) {
      let squares = 0;
      for (let i = start; i < start + width; i++) squares += block[i]! * block[i]!;
      sum += kind === 'mean-square' ? squares : Math.sqrt(squares);
      rows++;
    }
  }
  if (rows === 0) throw new SalmonError('no-data', { what: 'There are no activations to estimate the scale on', todo: 'Check the source of activations' });
  const scale = kind === 'mean-square' ? Math.sqrt(sum / rows) : sum / rows / Math.sqrt(width);
  if (!Number.isFinite(scale) || scale <= 0) {
    throw new SalmonError('bad-shape', { what: 'The activations cannot be scaled', expected: 'finite activations that are not all zero', got: `a mean norm of ${String(scale)}` });
  }
  return scale;
}

/** Scales for one SAE from the first batches of its stream, or from its configuration. */
export function scalesFor(batches: readonly TrainBatch[], width: number, training: TrainingOptions): Scales {
  const used = batches.slice(0, training.normalizeBatches);
  const input = training.scale ?? estimateScale(used.map((b) => b.values), width, training.normalize);
  const first = used[0]?.target;
  if (training.targetScale === 'input' || first === undefined) return { input, output: input };
  const outWidth = first.length / used[0]!.rows;
  return { input, output: estimateScale(used.map((b) => b.target ?? b.values), outWidth, training.normalize) };
}

/** The scales to fold into the weights of an SAE. Normalised token by token, codes do not depend on the scale and the output scales with the input: there is nothing to fold. */
export function foldedScales(sae: ArchitectureConfig, scales: Scales): Scales {
  return (sharedFields(sae).normalizeActivations ?? 'none') === 'none' ? scales : { input: 1, output: 1 };
}

/** How many batches must be seen before training can begin. */
export function batchesNeeded(training: TrainingOptions): number {
  const own = training.targetScale === 'own' && training.normalize !== 'none';
  return (training.scale === null && training.normalize !== 'none') || own ? training.normalizeBatches : 1;
}
