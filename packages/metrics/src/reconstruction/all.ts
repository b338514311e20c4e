import { cosine } from './cosine.js';
import { fveDimension } from './fve-dimension.js';
import { fvePooled, fvuPooled } from './fve-pooled.js';
import { fveResidualVariance } from './fve-residual-variance.js';
import { fveToken } from './fve-token.js';
import { l0, l1 } from './l0.js';
import { l2Ratio } from './l2-ratio.js';
import type { ReconstructionMetric } from './moments.js';
import { errorNorm, mse, mseElement } from './mse.js';
import { normalisedMse } from './normalised-mse.js';
import { relativeReconstructionBias } from './relative-reconstruction-bias.js';

/** Every reconstruction metric of the package; pass your own list to measure fewer or others. */
export const reconstructionMetrics: readonly ReconstructionMetric[] = [
  fvePooled,
  fvuPooled,
  fveResidualVariance,
  fveToken,
  fveDimension,
  cosine,
  mse,
  mseElement,
  errorNorm,
  normalisedMse,
  l2Ratio,
  relativeReconstructionBias,
  l0,
  l1,
];
