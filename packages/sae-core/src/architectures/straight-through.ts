import { tf } from '@salmon-sae/compute';

/*
 * Straight-through estimators of JumpReLU SAEs (arXiv 2407.14435, section 3 and appendix J), with the rectangle kernel
 * K(u) = 1[|u| < 1/2] and bandwidth eps.
 */

/** Which entries of z are open and which lie in the kernel's band; both [B, F], 0 or 1. */
export interface StepKernel {
  /** H(z - theta), strict. */
  readonly gate: tf.Tensor2D;
  /** K((z - theta) / eps) */
  readonly band: tf.Tensor2D;
  readonly bandwidth: number;
}

export function stepKernel(z: tf.Tensor2D, theta: tf.Tensor1D, bandwidth: number): StepKernel {
  return {
    gate: tf.cast(tf.greater(z, theta), 'float32') as tf.Tensor2D,
    band: tf.cast(tf.less(tf.abs(tf.sub(z, theta)), bandwidth / 2), 'float32') as tf.Tensor2D,
    bandwidth,
  };
}

/**
 * JumpReLU_theta(z) = z H(z - theta) with d/dz = H(z - theta) and d/dtheta = -(theta / eps) K((z - theta) / eps) (eq. 11).
 */
export function jumpRelu(z: tf.Tensor2D, theta: tf.Tensor1D, { gate, band, bandwidth }: StepKernel): tf.Tensor2D {
  // What the backward pass needs goes through `save`, or the forward scope would free it.
  const op = tf.customGrad((zIn, thetaIn, saveIn) => {
    (saveIn as tf.GradSaveFunc)([gate, band, thetaIn as tf.Tensor]);
    return {
      value: tf.mul(zIn as tf.Tensor, gate),
      gradFunc: (dy, saved) => {
        const [open, near, t] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
        return [tf.mul(dy, open), tf.mul(tf.sum(tf.mul(dy, near), 0), tf.mul(t, -1 / bandwidth))];
      },
    };
  });
  return op(z, theta) as tf.Tensor2D;
}

/**
 * Mean L0 = mean over rows of sum_i H(z_i - theta_i), with d/dtheta = -(1 / eps) K((z - theta) / eps) and no gradient to z
 * (eq. 12).
 */
export function meanL0(theta: tf.Tensor1D, { gate, band, bandwidth }: StepKernel): tf.Scalar {
  const rows = gate.shape[0];
  const op = tf.customGrad((_theta, saveIn) => {
    (saveIn as tf.GradSaveFunc)([band]);
    return {
      value: tf.div(tf.sum(gate), rows),
      gradFunc: (dy, saved) => [tf.mul(tf.sum(saved[0]!, 0), tf.mul(dy, -1 / (bandwidth * rows)))],
    };
  });
  return op(theta) as tf.Scalar;
}
