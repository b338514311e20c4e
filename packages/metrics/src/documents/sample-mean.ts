import type { BootstrapOptions } from './document-bootstrap.js';
import type { Sampled } from './estimate.js';
import { sampleRows } from './sample-rows.js';

/** Mean of values that are the sample themselves (one per latent, say), with a bootstrap over them; two lists of equal length and seed pair. */
export function sampleMean(metric: string, values: readonly number[], options: BootstrapOptions = {}): Sampled {
  const sums = new Float64Array(2 * values.length);
  values.forEach((value, i) => sums.set([value, 1], 2 * i));
  const [sampled] = sampleRows({ documents: values.map((_, i) => `${i}`), columns: 2, values: sums }, { [metric]: (s) => (s[0] as number) / (s[1] as number) }, options);
  return sampled as Sampled;
}
