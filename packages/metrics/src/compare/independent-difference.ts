import { SalmonError } from '@salmon-sae/dataflow';
import type { Sampled } from '../documents/estimate.js';

/** `a − b` of two samples that share nothing: replicate by replicate, each drawn on its own. Throws `SalmonError('conflict')` when both were drawn with one seed. */
export function independentDifference(a: Sampled, b: Sampled): Sampled {
  if (a.key === b.key) {
    throw new SalmonError('conflict', { what: 'Two samples with the same draws are not independent', where: a.metric, got: a.key, todo: 'Use pairedDifference, or draw them with different seeds' });
  }
  const n = Math.min(a.samples.length, b.samples.length);
  return {
    metric: a.metric === b.metric ? a.metric : `${a.metric} − ${b.metric}`,
    value: a.value - b.value,
    samples: Float64Array.from({ length: n }, (_, i) => (a.samples[i] as number) - (b.samples[i] as number)),
    key: `${a.key}-${b.key}`,
  };
}
