import type { DocumentBootstrap } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import type { ErrorSums } from './error-sums.js';
import { ERROR } from './error-sums.js';
import type { InputSums } from './input-sums.js';
import { INPUT } from './input-sums.js';
import type { ReconstructionMetric, ReconstructionMoments } from './moments.js';

/** Sums over x, point and resampled, centred about the mean over all tokens. */
export interface InputMoments {
  readonly width: number;
  readonly total: Float64Array;
  readonly scalars: Float64Array;
  /** [replicates * 2 * width] centred sums, then centred squares */
  readonly wide: Float32Array;
  readonly centred: Float64Array;
}

export function inputMoments(input: InputSums, width: number, bootstrap: DocumentBootstrap): InputMoments {
  const { sums } = input;
  const total = sums.total();
  const n = total[INPUT.tokens] as number;
  const mean = Float64Array.from({ length: width }, (_, d) => (total[INPUT.width + d] as number) / n);
  const centre = (source: Float64Array, at: number, into: Float32Array | Float64Array): void => {
    const tokens = source[at + INPUT.tokens] as number;
    for (let d = 0; d < width; d++) {
      const m = mean[d] as number;
      const s = source[at + INPUT.width + d] as number;
      into[d] = s - tokens * m;
      into[width + d] = (source[at + INPUT.width + width + d] as number) - 2 * m * s + tokens * m * m;
    }
  };
  const centred = new Float64Array(2 * width);
  centre(total, 0, centred);
  return {
    width,
    total,
    centred,
    scalars: bootstrap.resample(sums, INPUT.width),
    wide: bootstrap.resampleWide(2 * width, (unit, row) => centre(sums.data, unit * sums.columns, row)),
  };
}

/** Every metric of one SAE with its replicates. */
export function sampleMetrics(
  input: InputMoments,
  errors: ErrorSums,
  context: { readonly bootstrap: DocumentBootstrap; readonly metrics: readonly ReconstructionMetric[] },
): readonly Sampled[] {
  const { bootstrap, metrics } = context;
  const { width } = input;
  const { sums } = errors;
  const total = sums.total();
  const point = moments(width, input.total, input.centred, total.subarray(0, ERROR.width), total.subarray(ERROR.width));
  const scalars = bootstrap.resample(sums, ERROR.width);
  const wide = bootstrap.resampleWide(2 * width, (unit, row) => {
    const at = unit * sums.columns + ERROR.width;
    row.set(sums.data.subarray(at, at + 2 * width));
  });
  const samples = metrics.map(() => new Float64Array(bootstrap.replicates));
  for (let r = 0; r < bootstrap.replicates; r++) {
    const drawn = moments(
      width,
      input.scalars.subarray(r * INPUT.width, (r + 1) * INPUT.width),
      input.wide.subarray(r * 2 * width, (r + 1) * 2 * width),
      scalars.subarray(r * ERROR.width, (r + 1) * ERROR.width),
      wide.subarray(r * 2 * width, (r + 1) * 2 * width),
    );
    metrics.forEach((metric, i) => ((samples[i] as Float64Array)[r] = metric.of(drawn)));
  }
  return metrics.map((metric, i) => ({
    metric: metric.id,
    value: metric.of(point),
    samples: samples[i] as Float64Array,
    key: bootstrap.key,
  }));
}

type Numbers = Float32Array | Float64Array;

/** Puts the columns of the two sums together. */
export function moments(width: number, x: Numbers, centred: Numbers, e: Numbers, perDimension: Numbers): ReconstructionMoments {
  return {
    width,
    tokens: x[INPUT.tokens] as number,
    nonZero: x[INPUT.nonZero] as number,
    offCentre: x[INPUT.offCentre] as number,
    inputSquares: x[INPUT.squares] as number,
    inputNorms: x[INPUT.norms] as number,
    centredSums: centred.subarray(0, width),
    centredSquares: centred.subarray(width, 2 * width),
    errorSums: perDimension.subarray(0, width),
    errorSquares: perDimension.subarray(width, 2 * width),
    errorTotal: e[ERROR.total] as number,
    errorNorms: e[ERROR.norms] as number,
    dot: e[ERROR.dot] as number,
    reconSquares: e[ERROR.reconSquares] as number,
    reconNorms: e[ERROR.reconNorms] as number,
    cosines: e[ERROR.cosines] as number,
    normRatios: e[ERROR.ratios] as number,
    relativeErrors: e[ERROR.relative] as number,
    centredRelativeErrors: e[ERROR.centredRelative] as number,
    active: e[ERROR.active] as number,
    codeL1: e[ERROR.l1] as number,
  };
}
