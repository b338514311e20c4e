import { SalmonError } from '@salmon-sae/dataflow';
import type { Sampled } from '../documents/estimate.js';

/**
 * `a − b` with the paired bootstrap: both were measured on the same documents, so each replicate's difference is taken before the
 * quantiles. Throws `SalmonError('conflict')` when the two were not resampled alike.
 */
export function pairedDifference(a: Sampled, b: Sampled): Sampled {
  requireSameDraws([a, b]);
  return {
    metric: a.metric === b.metric ? a.metric : `${a.metric} − ${b.metric}`,
    value: a.value - b.value,
    samples: a.samples.map((s, i) => s - (b.samples[i] as number)),
    key: a.key,
  };
}

/** Whether a 95% interval leaves 0 out; without an interval nothing can be concluded. */
export function excludesZero(estimate: { readonly low?: number; readonly high?: number }): boolean {
  return estimate.low !== undefined && estimate.high !== undefined && (estimate.low > 0 || estimate.high < 0);
}

export function requireSameDraws(all: readonly Sampled[]): void {
  const first = all[0];
  for (const other of all) {
    if (first === undefined || (other.key === first.key && other.samples.length === first.samples.length)) continue;
    throw new SalmonError('conflict', {
      what: 'Two measurements cannot be paired',
      where: `${first.metric} and ${other.metric}`,
      expected: `the same documents, seed and number of replicates (${first.key})`,
      got: other.key,
      todo: 'Evaluate both on the same documents with the same bootstrap options',
    });
  }
}
