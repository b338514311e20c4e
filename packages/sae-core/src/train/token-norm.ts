import { tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';

/** A per-token normalisation with its inverse for that batch. */
export interface TokenNorm {
  readonly x: tf.Tensor2D;
  /** [B, 1] what `undo` multiplies by; undefined: 1. */
  readonly scale?: tf.Tensor2D;
  undo(recon: tf.Tensor2D): tf.Tensor2D;
}

/** SAELens adds 1e-5 to the standard deviation on the way in and not on the way out. */
const LAYER_NORM_EPSILON = 1e-5;

/**
 * Run-time normalisation of each token: 'layer_norm' with the unbiased standard deviation, 'constant_norm_rescale' to norm
 * sqrt(d), both as SAELens defines them.
 * @throws SalmonError bad-config
 */
export function tokenNorm(kind: string, x: tf.Tensor2D): TokenNorm {
  const width = x.shape[1];
  if (kind === 'none') return { x, undo: (recon) => recon };
  if (kind === 'layer_norm') {
    const mean = tf.mean(x, 1, true);
    const middle = tf.sub<tf.Tensor2D>(x, mean);
    const std = tf.sqrt<tf.Tensor2D>(tf.div(tf.sum(tf.square(middle), 1, true), width - 1));
    return {
      scale: std,
      x: tf.div(middle, tf.add(std, LAYER_NORM_EPSILON)),
      undo: (recon) => tf.add(tf.mul(recon, std), mean),
    };
  }
  if (kind === 'constant_norm_rescale') {
    const factor = tf.div(Math.sqrt(width), tf.norm(x, 'euclidean', 1, true));
    return { x: tf.mul(x, factor), scale: tf.div(1, factor), undo: (recon) => tf.div(recon, factor) };
  }
  throw new SalmonError('bad-config', { what: 'There is no such normalisation of activations', got: kind, expected: 'none, layer_norm or constant_norm_rescale' });
}
