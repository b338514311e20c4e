import type { SparseActs, SparseOps } from '@salmon-sae/compute';
import { bf16MatMul, disposeActs, tf } from '@salmon-sae/compute';
import type { Phases } from './phases.js';

/** Which entries of the pre-activations count. */
export type Selection =
  | { readonly kind: 'threshold'; readonly threshold: tf.Tensor1D; readonly band: number }
  | { readonly kind: 'topk'; readonly k: number }
  | { readonly kind: 'batchtopk'; readonly count: number };

export interface EncodeRequest {
  /** [B, d] */
  readonly x: tf.Tensor2D;
  /** Encoder by latent, [F, d]. */
  readonly rows: tf.Tensor2D;
  readonly bias: tf.Tensor1D | undefined;
  /** [F] what pre-activations are multiplied by before the selection; default: nothing. */
  readonly scale?: tf.Tensor1D;
  readonly selection: Selection;
  readonly lowPrecision: boolean;
}

/**
 * Pre-activations held at a time, bytes. On the CPU below the size from which the allocator maps fresh pages for every block; on a GPU,
 * where each block is waited for, a few large ones.
 */
const TILE_BYTES = { native: 24e6, plain: 24e6, webgpu: 512e6 } as const;

/** x W^T + bias and the selection of its entries, a block of latents at a time: [B, F] is never held whole. Call inside a tidy. */
export function encodeTiles(ops: SparseOps, request: EncodeRequest, phases: Phases): SparseActs {
  const screened = ops.canScreen() && request.scale === undefined ? phases.time('encode', () => screen(ops, request)) : undefined;
  if (screened !== undefined) return screened;
  const { x, rows, selection, scale } = request;
  const bias = request.bias === undefined || scale === undefined ? request.bias : (tf.mul(request.bias, scale) as tf.Tensor1D);
  const [latents, width] = rows.shape;
  const tile = Math.max(256, Math.floor(TILE_BYTES[ops.kind] / 4 / x.shape[0] / 64) * 64);
  const parts: SparseActs[] = [];
  let floor: tf.Scalar | undefined;
  for (let from = 0; from < latents; from += tile) {
    const n = Math.min(tile, latents - from);
    const pre = phases.time('encode', () =>
      tf.tidy(() => {
        const block = tf.slice(rows, [from, 0], [n, width]) as tf.Tensor2D;
        const product = request.lowPrecision ? bf16MatMul(x, block, { transposeB: true }) : (tf.matMul(x, block, false, true) as tf.Tensor2D);
        return scale === undefined ? product : (tf.mul(product, tf.slice(scale, from, n)) as tf.Tensor2D);
      }),
    );
    phases.time('sparsify', () => {
      const blockBias = bias === undefined ? undefined : (tf.slice(bias, from, n) as tf.Tensor1D);
      parts.push(select(ops, pre, { selection, from, ...(blockBias === undefined ? {} : { bias: blockBias }), ...(floor === undefined ? {} : { floor }) }));
      blockBias?.dispose();
      pre.dispose();
      if (selection.kind !== 'batchtopk' || parts.length < 2) return;
      // Entries that cannot be among the largest of the batch any more go at once.
      const kept = prune(ops, parts.splice(0), selection);
      floor?.dispose();
      floor = kept.least;
      parts.push(kept.acts);
    });
  }
  floor?.dispose();
  if (parts.length === 1) return parts[0] as SparseActs;
  return phases.time('sparsify', () => {
    const joined = ops.concat(parts);
    for (const part of parts) disposeActs(part);
    if (selection.kind !== 'topk') return joined;
    const kept = ops.keepTopK(joined, selection.k);
    disposeActs(joined);
    return kept;
  });
}

/** Selection without the float32 product, where the processor can screen; undefined where this selection needs the product after all. */
function screen(ops: SparseOps, { x, rows, bias, selection }: EncodeRequest): SparseActs | undefined {
  const common = bias === undefined ? {} : { bias };
  switch (selection.kind) {
    case 'threshold':
      return ops.sparsifyProduct(x, rows, { ...common, threshold: selection.threshold, band: selection.band });
    case 'batchtopk':
      return ops.largestOfProduct(x, rows, { ...common, count: selection.count });
    case 'topk':
      return undefined;
  }
}

interface SelectOptions {
  readonly selection: Selection;
  readonly from: number;
  readonly bias?: tf.Tensor1D;
  readonly floor?: tf.Scalar;
}

function select(ops: SparseOps, pre: tf.Tensor2D, { selection, from, bias, floor }: SelectOptions): SparseActs {
  const common = bias === undefined ? {} : { bias };
  switch (selection.kind) {
    case 'threshold': {
      const threshold = tf.slice(selection.threshold, from, pre.shape[1]) as tf.Tensor1D;
      const acts = ops.sparsify(pre, { ...common, threshold, band: selection.band });
      threshold.dispose();
      return acts;
    }
    case 'topk':
      return ops.topK(pre, { ...common, k: selection.k });
    case 'batchtopk':
      return ops.batchTopK(pre, { ...common, count: selection.count, ...(floor === undefined ? {} : { floor }) });
  }
}

function prune(ops: SparseOps, parts: readonly SparseActs[], selection: { readonly count: number }): { acts: SparseActs; least: tf.Scalar } {
  const joined = ops.concat(parts);
  for (const part of parts) disposeActs(part);
  const kept = ops.keepTop(joined, selection.count);
  disposeActs(joined);
  return kept;
}
