import { tf } from '../tf.js';
import type { ProductOptions } from './sparse-ops.js';

/** What entries must exceed, [F]: a hair below the band's lower edge, because the exact test is made where the entries are used. */
export function bandEdge({ threshold, band }: Pick<ProductOptions, 'threshold' | 'band'>): tf.Tensor1D {
  return band === undefined || band === 0 ? threshold : (tf.sub(threshold, band * 0.50001) as tf.Tensor1D);
}
