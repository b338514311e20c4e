import type { SparseOps } from '@salmon-sae/compute';
import { tf } from '@salmon-sae/compute';
import { thetaOf } from './entries.js';
import type { ExtraTerm } from './extra-term.js';
import { listedLatents, spread } from './latent-ranges.js';
import type { SparseParams } from './sparse-params.js';

export interface PreActRequest {
  readonly coefficient: number;
  /** Indices of the dead latents, ascending; not empty. */
  readonly dead: Int32Array;
  /** What the encoder reads, [B, d]. */
  readonly x: tf.Tensor2D;
  readonly params: SparseParams;
  /** [F] norms of the decoder rows. */
  readonly norms: tf.Tensor1D;
}

/** Pulls dead latents towards their thresholds: mean over rows of sum over the dead of relu(theta - pre) ||w|| (Anthropic, January 2025). */
export function preActTerm(ops: SparseOps, request: PreActRequest): ExtraTerm {
  const { dead, x, params, coefficient } = request;
  const latents = request.norms.shape[0];
  const index = tf.tensor1d(dead, 'int32');
  const of = (all: tf.Tensor1D): tf.Tensor1D => tf.gather(all, index) as tf.Tensor1D;
  const bias = params.vectors['b_enc'] as tf.Tensor1D | undefined;
  const product = tf.matMul(x, tf.gather(params.encoderRows, index), false, true);
  const gap = tf.relu(tf.sub(of(thetaOf(params.vectors)), bias === undefined ? product : tf.add(product, of(bias)))) as tf.Tensor2D;
  const norms = of(request.norms);
  const perRow = coefficient / x.shape[0];
  const reach = tf.sum(gap, 0) as tf.Tensor1D;
  const weighted = tf.mul(tf.step(gap), tf.mul(norms, perRow)) as tf.Tensor2D;
  const onThreshold = spread(tf.sum(weighted, 0) as tf.Tensor1D, dead, latents);
  const listed = listedLatents(dead, latents);
  return {
    name: 'preAct',
    value: tf.mul(tf.sum(tf.mul(reach, norms)), perRow) as tf.Scalar,
    addTo: (decoder, encoder, project) => {
      ops.addRows(encoder, listed, { coefficient: listed.value, dense: tf.neg(tf.matMul(weighted, x, true, false)) as tf.Tensor2D });
      // The norm's gradient lies along the row: nothing of it is left under the projection.
      if (project) return;
      const along = tf.mul(tf.gather(params.decoderRows, index), tf.expandDims(tf.div(tf.mul(reach, perRow), norms), 1)) as tf.Tensor2D;
      ops.addRows(decoder, listed, { coefficient: listed.value, dense: along });
    },
    encoderBias: tf.neg(onThreshold) as tf.Tensor1D,
    threshold: onThreshold,
  };
}
