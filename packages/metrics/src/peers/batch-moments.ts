import type { SparseCodes } from '@salmon-sae/dataflow';
import { documentUnits } from '../documents/document-units.js';
import { ERROR, errorSums } from '../reconstruction/error-sums.js';
import { INPUT, inputSums } from '../reconstruction/input-sums.js';
import type { ReconstructionMoments } from '../reconstruction/moments.js';
import { moments } from '../reconstruction/replicates.js';

/** One evaluation batch as the Python peers see it. */
export interface PeerBatch {
  readonly rows: number;
  readonly width: number;
  readonly x: Float32Array;
  readonly recon: Float32Array;
  readonly codes: SparseCodes;
}

/** The moments of one batch alone, centred on its own mean: what the peers' batch-averaged metrics are made of. */
export function batchMoments(batch: PeerBatch): ReconstructionMoments {
  const { rows, width, x } = batch;
  const mean = new Float64Array(width);
  for (let t = 0; t < rows; t++) {
    for (let d = 0; d < width; d++) mean[d] = (mean[d] as number) + (x[t * width + d] as number) / rows;
  }
  const units = documentUnits(1);
  units.locate(['batch'], Int32Array.of(0));
  const input = inputSums(units, width);
  const errors = errorSums(units, width);
  const norms = { squares: new Float64Array(rows), offsets: new Float64Array(rows) };
  const at = { x, rows, unit: new Int32Array(rows), centre: mean };
  input.add(at, norms.squares, norms.offsets);
  errors.add(at, norms, batch);
  const totals = input.sums.total();
  const e = errors.sums.total();
  const centred = new Float64Array(2 * width);
  for (let d = 0; d < width; d++) {
    const m = mean[d] as number;
    const s = totals[INPUT.width + d] as number;
    centred[width + d] = (totals[INPUT.width + width + d] as number) - 2 * m * s + rows * m * m;
    centred[d] = s - rows * m;
  }
  return moments(width, totals, centred, e.subarray(0, ERROR.width), e.subarray(ERROR.width));
}
