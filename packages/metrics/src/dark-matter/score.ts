import type { BootstrapOptions, DocumentBootstrap } from '../documents/document-bootstrap.js';
import { documentBootstrap } from '../documents/document-bootstrap.js';
import type { DocumentSums } from '../documents/document-sums.js';
import { documentSums } from '../documents/document-sums.js';
import { documentUnits } from '../documents/document-units.js';
import type { Sampled } from '../documents/estimate.js';
import { INPUT, inputSums } from '../reconstruction/input-sums.js';
import type { InputMoments } from '../reconstruction/replicates.js';
import { inputMoments } from '../reconstruction/replicates.js';
import type { NamedSae } from '../reconstruction/named-sae.js';
import type { ErrorFit, LinearError } from './fit.js';
import type { DarkMatterMetric, DarkMatterMoments } from './metrics.js';
import type { SelectedRows } from './selected-rows.js';
import { errorTargets } from './selected-rows.js';

const NORM = { sum: 0, squares: 1, residual: 2, width: 3 } as const;

export interface ErrorScorer {
  /** `docs` are the document ids that `rows.doc` points into. */
  add(rows: SelectedRows, docs: readonly string[]): void;
  value(metrics: readonly DarkMatterMetric[]): { tokens: number; documents: number; saes: readonly (readonly Sampled[])[] };
}

/** Scores fitted linear errors on held-out rows, with sums per document for the bootstrap. */
export function errorScorer(saes: readonly NamedSae[], fit: ErrorFit, options: BootstrapOptions & { readonly units: number }): ErrorScorer {
  const width = saes[0]?.sae.outWidth ?? 0;
  const units = documentUnits(options.units);
  const input = inputSums(units, width);
  const errors = saes.map(() => documentSums(units, NORM.width + 3 * width));
  const origin = new Float64Array(width);

  return {
    add: (rows, docs) => {
      if (rows.rows === 0) return;
      const unit = units.locate(docs, rows.doc);
      input.add({ x: rows.target, rows: rows.rows, unit, centre: origin }, new Float64Array(rows.rows), new Float64Array(rows.rows));
      const z = { data: fit.condition(rows.x), columns: rows.x.length / rows.rows };
      saes.forEach(({ sae }, s) => {
        const { map } = fit.errors[s] as LinearError;
        addErrors(errors[s] as DocumentSums, { actual: errorTargets(sae, rows), predicted: fit.engine.predict(map, z), unit, width });
      });
    },
    value: (metrics) => {
      const bootstrap = documentBootstrap(units, options);
      const x = inputMoments(input, width, bootstrap);
      return {
        tokens: x.total[INPUT.tokens] as number,
        documents: units.documents,
        saes: errors.map((sums) => sampleErrors(x, sums, { bootstrap, metrics })),
      };
    },
  };
}

interface ErrorRows {
  readonly actual: Float64Array;
  readonly predicted: Float32Array | Float64Array;
  readonly unit: Int32Array;
  readonly width: number;
}

function addErrors(sums: DocumentSums, { actual, predicted, unit, width }: ErrorRows): void {
  sums.reserve();
  const { data, columns } = sums;
  for (let t = 0; t < unit.length; t++) {
    const at = (unit[t] as number) * columns;
    const from = t * (width + 1);
    const norm = actual[from + width] as number;
    const miss = norm - (predicted[from + width] as number);
    data[at + NORM.sum] = (data[at + NORM.sum] as number) + norm;
    data[at + NORM.squares] = (data[at + NORM.squares] as number) + norm * norm;
    data[at + NORM.residual] = (data[at + NORM.residual] as number) + miss * miss;
    const wide = at + NORM.width;
    for (let d = 0; d < width; d++) {
      const e = actual[from + d] as number;
      const r = e - (predicted[from + d] as number);
      data[wide + d] = (data[wide + d] as number) + r * r;
      data[wide + width + d] = (data[wide + width + d] as number) + e;
      data[wide + 2 * width + d] = (data[wide + 2 * width + d] as number) + e * e;
    }
  }
}

function sampleErrors(
  x: InputMoments,
  sums: DocumentSums,
  { bootstrap, metrics }: { readonly bootstrap: DocumentBootstrap; readonly metrics: readonly DarkMatterMetric[] },
): readonly Sampled[] {
  const { width } = x;
  const total = sums.total();
  const scalars = bootstrap.resample(sums, NORM.width);
  const wide = bootstrap.resampleWide(3 * width, (unit, row) => {
    const at = unit * sums.columns + NORM.width;
    row.set(sums.data.subarray(at, at + 3 * width));
  });
  const point = momentsOf(x.total, x.centred, total.subarray(0, NORM.width), total.subarray(NORM.width));
  const samples = metrics.map(() => new Float64Array(bootstrap.replicates));
  for (let r = 0; r < bootstrap.replicates; r++) {
    const drawn = momentsOf(
      x.scalars.subarray(r * INPUT.width, (r + 1) * INPUT.width),
      x.wide.subarray(r * 2 * width, (r + 1) * 2 * width),
      scalars.subarray(r * NORM.width, (r + 1) * NORM.width),
      wide.subarray(r * 3 * width, (r + 1) * 3 * width),
    );
    metrics.forEach((metric, i) => ((samples[i] as Float64Array)[r] = metric.of(drawn)));
  }
  return metrics.map((metric, i) => ({ metric: metric.id, value: metric.of(point), samples: samples[i] as Float64Array, key: bootstrap.key }));
}

type Numbers = Float32Array | Float64Array;

function momentsOf(x: Numbers, centred: Numbers, norms: Numbers, wide: Numbers): DarkMatterMoments {
  const width = wide.length / 3;
  const tokens = x[INPUT.tokens] as number;
  let variation = 0;
  for (let d = 0; d < width; d++) variation += (centred[width + d] as number) - (centred[d] as number) ** 2 / tokens;
  return {
    tokens,
    variation,
    residualSquares: wide.subarray(0, width),
    errorSums: wide.subarray(width, 2 * width),
    errorSquares: wide.subarray(2 * width),
    normSum: norms[NORM.sum] as number,
    normSquares: norms[NORM.squares] as number,
    normResidual: norms[NORM.residual] as number,
  };
}
