import { SalmonError } from '@salmon-sae/dataflow';
import type { RowFilter } from './filter.js';

export interface NormOutlierOptions {
  /** Rows whose norm is above this multiple of the batch's median norm are dropped (default 10). */
  readonly multiple?: number;
}

/** Drops attention sinks and the like: rows whose L2 norm is far above the median of the batch's candidate rows. */
export function normOutliers(options: NormOutlierOptions = {}): RowFilter {
  const multiple = options.multiple ?? 10;
  if (!(multiple > 1)) {
    throw new SalmonError('bad-config', { what: 'A norm-outlier filter needs a multiple above 1', expected: 'a number above 1', got: `${multiple}` });
  }
  return {
    name: 'norm-outliers',
    facts: { multiple },
    select: ({ at, values, width }) => {
      const norms = Float64Array.from(at, (i) => {
        let sum = 0;
        for (let j = i * width; j < (i + 1) * width; j++) sum += (values[j] as number) ** 2;
        return Math.sqrt(sum);
      });
      const limit = multiple * median(norms);
      return Uint8Array.from(norms, (norm) => (norm <= limit ? 1 : 0));
    },
  };
}

function median(values: Float64Array): number {
  if (values.length === 0) return 0;
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
