import { random } from '@salmon-sae/dataflow';
import { readTensor, tf } from '@salmon-sae/compute';
import type { DocumentSums } from './document-sums.js';
import type { DocumentUnits } from './document-units.js';

export interface BootstrapOptions {
  /** Default 1000; 0 leaves intervals out. */
  readonly replicates?: number;
  readonly seed?: number;
  /** Documents beyond this number are resampled in as many hash groups (default 2048). */
  readonly units?: number;
}

/** Draws of documents with replacement (Efron 1979), shared by everything measured on the same documents. */
export interface DocumentBootstrap {
  readonly replicates: number;
  readonly key: string;
  /** Scalar columns of every replicate in float64, [replicates * columns]. */
  resample(sums: DocumentSums, columns: number): Float64Array;
  /**
   * Wide columns of every replicate: a float32 matrix product on the backend, [replicates * width]. `fill` writes the row of a
   * unit; rows should be centred, because float32 keeps seven digits.
   */
  resampleWide(width: number, fill: (unit: number, row: Float32Array) => void): Float32Array;
}

export const BOOTSTRAP_DEFAULTS: Required<BootstrapOptions> = { replicates: 1000, seed: 0, units: 2048 };

export function documentBootstrap(units: DocumentUnits, options: BootstrapOptions): DocumentBootstrap {
  const order = units.order();
  const asked = options.replicates ?? BOOTSTRAP_DEFAULTS.replicates;
  const seed = options.seed ?? BOOTSTRAP_DEFAULTS.seed;
  const replicates = order.length < 2 ? 0 : asked;
  const weights = drawCounts(order.length, replicates, seed);
  return {
    replicates,
    key: `${units.signature()}:${replicates}:${seed}`,
    resample: (sums, columns) => {
      sums.reserve();
      const out = new Float64Array(replicates * columns);
      for (let u = 0; u < order.length; u++) {
        const at = (order[u] as number) * sums.columns;
        for (let r = 0; r < replicates; r++) {
          const w = weights[r * order.length + u] as number;
          if (w === 0) continue;
          for (let c = 0; c < columns; c++) {
            out[r * columns + c] = (out[r * columns + c] as number) + w * (sums.data[at + c] as number);
          }
        }
      }
      return out;
    },
    resampleWide: (width, fill) => {
      if (replicates === 0) return new Float32Array(0);
      const rows = new Float32Array(order.length * width);
      for (let u = 0; u < order.length; u++) fill(order[u] as number, rows.subarray(u * width, (u + 1) * width));
      return readTensor(() => tf.matMul(tf.tensor2d(weights, [replicates, order.length]), tf.tensor2d(rows, [order.length, width])));
    },
  };
}

/** [replicates * n] how often each of n items is drawn when n are drawn with replacement. */
export function drawCounts(n: number, replicates: number, seed: number): Float32Array {
  const counts = new Float32Array(replicates * n);
  const generator = random(seed, 'bootstrap');
  for (let r = 0; r < replicates; r++) {
    for (let i = 0; i < n; i++) {
      const at = r * n + generator.below(n);
      counts[at] = (counts[at] as number) + 1;
    }
  }
  return counts;
}
