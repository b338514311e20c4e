import { random } from '@salmon-sae/dataflow';
import type { ActivationBatch, Random, SparseCodes } from '@salmon-sae/dataflow';
import { Observable } from 'rxjs';
import { sparseCodes } from '../inference/csr-builder.js';
import type { GroundTruth } from './ground-truth.js';

/** Synthetic activations with what they are made of. */
export interface TruthSample {
  readonly rows: number;
  /** [rows, width] */
  readonly values: Float32Array;
  /** True feature activations [rows, features]. */
  readonly codes: SparseCodes;
}

/** Chance that a parent fires with one of its children rather than alone. */
const CHILD_SHARE = 0.5;
/** Chance of each circle to be active on a row. */
const CIRCLE_RATE = 0.1;

/** Draws `rows` activations; the same truth, seed and labels give the same rows. */
export function sampleTruth(truth: GroundTruth, rows: number, seed: number | Random): TruthSample {
  const { width, features } = truth.config;
  const draw = typeof seed === 'number' ? random(seed, 'truth sample') : seed;
  const values = new Float32Array(rows * width);
  const active = new Float32Array(rows * features);
  for (let row = 0; row < rows; row++) {
    const f = active.subarray(row * features, (row + 1) * features);
    const x = values.subarray(row * width, (row + 1) * width);
    fire(truth, draw, f);
    compose(truth, draw, { f, x });
  }
  return { rows, values, codes: sparseCodes(active, rows) };
}

/**
 * Batches of synthetic activations, as a source; every batch is drawn from its own seed, so a stream can be resumed at any batch.
 * @param options.batches number of batches; the source then completes.
 */
export function syntheticBatches(truth: GroundTruth, options: { readonly rows: number; readonly batches: number; readonly seed: number }): Observable<ActivationBatch> {
  const { rows, batches, seed } = options;
  return new Observable((subscriber) => {
    for (let batch = 0; batch < batches && !subscriber.closed; batch++) {
      subscriber.next(syntheticBatch(truth, { rows, seed, batch }));
    }
    subscriber.complete();
  });
}

export function syntheticBatch(truth: GroundTruth, options: { readonly rows: number; readonly seed: number; readonly batch: number }): ActivationBatch {
  const { rows, seed, batch } = options;
  const zeros = new Int32Array(rows);
  return {
    site: { model: 'synthetic', hook: 'resid_post.0', width: truth.config.width },
    rows,
    values: sampleTruth(truth, rows, random(seed, 'synthetic batch', batch)).values,
    origin: { tokenId: zeros, position: zeros, doc: zeros, docs: ['synthetic'], domains: ['synthetic'] },
    cursor: { source: 'synthetic', shard: batch, row: rows },
  };
}

/** Which features are active, and how strongly: a normal magnitude around 1. */
function fire(truth: GroundTruth, draw: Random, f: Float32Array): void {
  const { config, probability, parent, pairs } = truth;
  const magnitude = (): number => Math.max(0.2, 1 + 0.25 * draw.normal());
  const on = (i: number): void => void (f[i] = magnitude());
  for (let i = 0; i < f.length; i++) {
    if (parent[i] === -1 && draw.next() < (probability[i] as number)) on(i);
  }
  // Children are drawn by their parent only: at most one of them, never without it.
  for (let p = 0; p < config.parents; p++) {
    if (f[p] !== 0 && config.children > 0 && draw.next() < CHILD_SHARE) on(config.parents + p * config.children + draw.below(config.children));
  }
  for (const [first, second] of pairs) if (f[first] !== 0 && f[second] === 0 && draw.next() < config.pairing) on(second);
}

/** x = sum f_i d_i + circles + dense part + products + noise. */
function compose(truth: GroundTruth, draw: Random, { f, x }: { readonly f: Float32Array; readonly x: Float32Array }): void {
  const { config, directions, circles, dense, products, productDirections } = truth;
  const width = config.width;
  const add = (matrix: Float32Array, row: number, scale: number): void => {
    for (let i = 0; i < width; i++) x[i] = (x[i] as number) + scale * (matrix[row * width + i] as number);
  };
  for (let i = 0; i < f.length; i++) if (f[i] !== 0) add(directions, i, f[i] as number);
  for (let c = 0; c < config.circles; c++) {
    if (draw.next() >= CIRCLE_RATE) continue;
    const angle = 2 * Math.PI * draw.next();
    add(circles, 2 * c, Math.cos(angle));
    add(circles, 2 * c + 1, Math.sin(angle));
  }
  for (let i = 0; i < config.dense; i++) add(dense, i, config.denseScale * draw.normal());
  products.forEach(([a, b], i) => add(productDirections, i, config.productScale * (f[a] as number) * (f[b] as number)));
  for (let i = 0; i < width; i++) x[i] = (x[i] as number) + config.noise * draw.normal();
}
