import type { BootstrapOptions } from './document-bootstrap.js';
import { BOOTSTRAP_DEFAULTS, documentBootstrap } from './document-bootstrap.js';
import { documentSums } from './document-sums.js';
import { documentUnits } from './document-units.js';
import type { Sampled } from './estimate.js';

/** Additive numbers of each example with the document (or word, or entity) it belongs to. */
export interface RowSums {
  /** Document of each row. */
  readonly documents: readonly string[];
  readonly columns: number;
  /** [rows * columns] */
  readonly values: ArrayLike<number>;
}

/** Metrics that are functions of column sums, with a bootstrap over documents. */
export function sampleRows(
  rows: RowSums,
  metrics: Readonly<Record<string, (sums: ArrayLike<number>) => number>>,
  options: BootstrapOptions = {},
): readonly Sampled[] {
  const { documents, columns, values } = rows;
  const units = documentUnits(options.units ?? BOOTSTRAP_DEFAULTS.units);
  const unit = units.locate(documents, Int32Array.from(documents.keys()));
  const sums = documentSums(units, columns);
  sums.reserve();
  unit.forEach((u, row) => {
    for (let c = 0; c < columns; c++) {
      sums.data[u * columns + c] = (sums.data[u * columns + c] as number) + (values[row * columns + c] as number);
    }
  });
  const bootstrap = documentBootstrap(units, options);
  const drawn = bootstrap.resample(sums, columns);
  const total = sums.total();
  return Object.entries(metrics).map(([metric, of]) => ({
    metric,
    value: of(total),
    samples: Float64Array.from({ length: bootstrap.replicates }, (_, r) => of(drawn.subarray(r * columns, (r + 1) * columns))),
    key: bootstrap.key,
  }));
}
