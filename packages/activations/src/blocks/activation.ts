import { fusedOps, tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Matrix } from './pass.js';

/** The activation of x, times `times` where given. */
export type Activation = (x: Matrix, times?: Matrix) => Matrix;

/** The activation that a config.json names. */
export function activationNamed(name: string, where: string): Activation {
  switch (name) {
    case 'gelu_pytorch_tanh':
    case 'gelu_new':
      return geluTanh;
    case 'gelu':
      return (x, times) => product(gelu(x), times);
    case 'silu':
    case 'swish':
      return silu;
    case 'relu':
      return (x, times) => product(tf.relu(x), times);
    default:
      throw new SalmonError('unsupported', {
        what: `Activation function "${name}" is not supported`,
        where,
        expected: 'gelu_pytorch_tanh, gelu_new, gelu, silu or relu',
        got: name,
      });
  }
}

/** GELU, tanh form (arXiv 1606.08415 section 2): 0.5 x (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3). */
export function geluTanh(x: Matrix, times?: Matrix): Matrix {
  const fused = fusedOps();
  if (fused !== undefined) return fused.gated('gelu-tanh', x, times);
  const c = 2 * Math.sqrt(2 / Math.PI);
  const slope = tf.add(tf.mul(tf.square(x), 0.044715 * c), c);
  return product(tf.mul(x, tf.sigmoid(tf.mul(x, slope))), times);
}

/** GELU (arXiv 1606.08415): x Phi(x). */
export function gelu(x: Matrix): Matrix {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

/** SiLU (arXiv 1606.08415): x sigmoid(x). */
export function silu(x: Matrix, times?: Matrix): Matrix {
  return fusedOps()?.gated('silu', x, times) ?? product(tf.mul(x, tf.sigmoid(x)), times);
}

function product(x: Matrix, times: Matrix | undefined): Matrix {
  return times === undefined ? x : tf.mul(x, times);
}
