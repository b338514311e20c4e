import type { RowGradient, SparseActs, SparseOps } from '@salmon-sae/compute';
import { disposeActs, tf } from '@salmon-sae/compute';
import type { z } from 'zod';
import type { auxSchema } from '../architectures/aux-k.js';

export interface AuxRequest {
  readonly config: z.output<typeof auxSchema>;
  /** Indices of the dead latents, ascending; not empty. */
  readonly dead: Int32Array;
  readonly latents: number;
  /** What the encoder reads, [B, d]. */
  readonly x: tf.Tensor2D;
  readonly encoder: tf.Tensor2D;
  readonly bias: tf.Tensor1D | undefined;
  readonly decoder: tf.Tensor2D;
  /** recon - target [B, dOut] */
  readonly residual: tf.Tensor2D;
  readonly target: tf.Tensor2D;
}

export interface AuxResult {
  readonly value: tf.Scalar;
  /** Adds the term's gradient to those of the decoder and encoder rows; `project` removes the part along the decoder rows. */
  addTo(decoder: RowGradient, encoder: RowGradient, project: boolean): void;
  /** [F] */
  readonly encoderBias: tf.Tensor1D;
  dispose(): void;
}

/**
 * AuxK (arXiv 2406.04093 appendix A.2) over the dead latents alone: their k_aux largest activations reconstruct the detached error
 * without the decoder bias. Only the dead rows of the weights are read.
 */
export function auxTerm(ops: SparseOps, request: AuxRequest): AuxResult | undefined {
  const { config, dead, residual, latents } = request;
  const rows = residual.shape[0];
  const wanted = config.k ?? Math.floor(residual.shape[1] / 2);
  const k = Math.min(wanted, dead.length);
  const error = tf.neg(residual) as tf.Tensor2D;
  const of = config.normalize === 'target-variance' ? request.target : error;
  const variance = config.normalize === 'none' ? 1 : ((tf.div(tf.sum(tf.square(tf.sub(of, tf.mean(of, 0)))), rows) as tf.Scalar).dataSync()[0] as number);
  if (!(variance > 0)) return undefined;
  const factor = (config.coefficient * (config.scaleByDead ? Math.min(dead.length / wanted, 1) : 1)) / variance;

  const index = tf.tensor1d(dead, 'int32');
  const pre = tf.matMul(request.x, tf.gather(request.encoder, index), false, true) as tf.Tensor2D;
  const bias = request.bias === undefined ? {} : { bias: tf.gather(request.bias, index) as tf.Tensor1D };
  const narrow = ops.topK(pre, { ...bias, k });
  const acts = widen(narrow, dead, latents);
  disposeActs(narrow);
  const { residual: difference, squares } = ops.residual(acts, acts.value, { rows: request.decoder, target: error });
  const slope = (2 * factor) / rows;
  const along = ops.dots(acts, difference, request.decoder);
  const onPre = tf.mul(along, slope) as tf.Tensor1D;
  const coefficient = tf.mul(acts.value, slope) as tf.Tensor1D;
  return {
    value: tf.mul(squares, factor / rows) as tf.Scalar,
    addTo: (decoder, encoder, project) => {
      const minus = project ? { minus: { rows: request.decoder, scale: ops.sumByLatent(acts, tf.mul(onPre, acts.value)) } } : {};
      ops.addRows(decoder, acts, { coefficient, dense: difference, ...minus });
      ops.addRows(encoder, acts, { coefficient: onPre, dense: request.x });
    },
    encoderBias: ops.sumByLatent(acts, onPre),
    dispose: () => disposeActs(acts),
  };
}

/** Entries over some latents as entries over all. */
function widen(acts: SparseActs, index: Int32Array, latents: number): SparseActs {
  const narrow = acts.starts.dataSync<'int32'>();
  const starts = new Int32Array(latents + 1);
  for (let i = 0; i < index.length; i++) starts[(index[i] as number) + 1] = (narrow[i + 1] as number) - (narrow[i] as number);
  for (let f = 0; f < latents; f++) (starts[f + 1] as number) += starts[f] as number;
  return { rows: acts.rows, latents, nnz: acts.nnz, starts: tf.tensor1d(starts, 'int32'), row: acts.row.clone(), value: acts.value.clone() };
}
