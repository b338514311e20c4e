import { fusedOps, tf } from '@salmon-sae/compute';

/** A normalisation over the last axis, always in float32. */
export interface Norm {
  apply<T extends tf.Tensor>(x: T): T;
  /** What the normalised vector is multiplied with, [width]. */
  readonly gain: tf.Tensor1D;
}

/** RMSNorm (arXiv 1910.07467): x / sqrt(mean(x^2) + eps) * gain. */
export function rmsNorm(gain: tf.Tensor1D, eps: number): Norm {
  return {
    gain,
    apply: <T extends tf.Tensor>(x: T): T => {
      const fused = fusedOps();
      if (fused !== undefined) return fused.rmsNorm(x, gain, eps);
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps));
      return tf.mul(tf.mul(x, scale), gain) as T;
    },
  };
}

/** LayerNorm (arXiv 1607.06450): (x - mean) / sqrt(var + eps) * gain + bias. */
export function layerNorm(gain: tf.Tensor1D, bias: tf.Tensor1D, eps: number): Norm {
  return {
    gain,
    apply: <T extends tf.Tensor>(x: T): T => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps));
      return tf.add(tf.mul(tf.mul(centred, scale), gain), bias) as T;
    },
  };
}

