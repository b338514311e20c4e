import type { SparseCodes } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import { none, run } from './native-run.js';
import { bandEdge } from './band-edge.js';
import { readCodes, toActs } from './native-acts.js';
import type { LargestOptions, ProductOptions, SparseActs } from './sparse-ops.js';

/** Ways to screen, as the native code numbers them: bfloat16 tiles (AMX), bytes in 512 bits (AVX512-VNNI) and in 256 (AVX-VNNI), and plain C++ for comparison. */
export const SCREEN_PATHS = ['tiles', 'bytes512', 'bytes256', 'plain'] as const;
export type ScreenPath = (typeof SCREEN_PATHS)[number];

/** The ways that this processor has, and the one that is used (undefined: none beats the float32 product). */
export function screenPaths(): { readonly available: readonly ScreenPath[]; readonly used: ScreenPath | undefined } {
  const paths = tf.tidy(() => (run('SalmonScreenPaths', [tf.zeros([1])], 1)[0] as tf.Tensor).dataSync());
  return { available: SCREEN_PATHS.filter((_, i) => paths[i] === 1), used: SCREEN_PATHS[paths[SCREEN_PATHS.length] as number] };
}

interface Request extends ProductOptions {
  readonly path?: ScreenPath;
}

/** `SparseOps.sparsifyProduct` by the way named, or the fastest. */
export function screened(x: tf.Tensor2D, rows: tf.Tensor2D, request: Request): SparseActs | undefined {
  const out = byThreshold('SalmonSparsifyProduct', x, rows, request);
  return out === undefined ? undefined : toActs(x.shape[0], rows.shape[0], out);
}

/** `SparseOps.productCodes`. */
export function screenedCodes(x: tf.Tensor2D, rows: tf.Tensor2D, request: Request): SparseCodes | undefined {
  const out = byThreshold('SalmonSparsifyProductRows', x, rows, request);
  return out === undefined ? undefined : readCodes(x.shape[0], rows.shape[0], out);
}

/** `SparseOps.largestOfProduct`. */
export function screenedLargest(x: tf.Tensor2D, rows: tf.Tensor2D, { bias, count, path }: LargestOptions & { readonly path?: ScreenPath }): SparseActs | undefined {
  const out = completed(tf.tidy(() => run('SalmonLargestOfProduct', [x, rows, bias ?? none(), tf.tensor1d([count, numberOf(path)])], 4)));
  return out === undefined ? undefined : toActs(x.shape[0], rows.shape[0], out);
}

function byThreshold(op: string, x: tf.Tensor2D, rows: tf.Tensor2D, request: Request): tf.Tensor[] | undefined {
  return completed(tf.tidy(() => run(op, [x, rows, request.bias ?? none(), bandEdge(request), tf.tensor1d([numberOf(request.path)])], 4)));
}

/** The outputs before the last, which says whether they are all there is. */
function completed(out: tf.Tensor[]): tf.Tensor[] | undefined {
  const done = out.pop() as tf.Tensor;
  const complete = done.dataSync()[0] === 1;
  done.dispose();
  if (complete) return out;
  tf.dispose(out);
  return undefined;
}

function numberOf(path: ScreenPath | undefined): number {
  return path === undefined ? -1 : SCREEN_PATHS.indexOf(path);
}
