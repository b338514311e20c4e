import { bf16MatMul, tf } from '@salmon-sae/compute';
import type { TrainingOptions } from './training-config.js';

/**
 * The encoder's product in the precision asked for. In bfloat16 only the forward product is low-precision: the gradients are float32
 * products. `input` is the batch itself, for which no gradient is wanted.
 */
export function encoderMatMul(precision: TrainingOptions['precision'], input: tf.Tensor2D): (a: tf.Tensor2D, b: tf.Tensor2D) => tf.Tensor2D {
  if (precision === 'float32') return (a, b) => tf.matMul<tf.Tensor2D>(a, b);
  return (a, b) => (a === input ? withWeightGradient(a, b) : withBothGradients(a, b));
}

function withWeightGradient(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const op = tf.customGrad((weights, saveIn) => {
    (saveIn as tf.GradSaveFunc)([a]);
    return {
      value: bf16MatMul(a, weights as tf.Tensor2D),
      gradFunc: (dy, saved) => [tf.matMul(saved[0] as tf.Tensor2D, dy as tf.Tensor2D, true, false)],
    };
  });
  return op(b) as tf.Tensor2D;
}

function withBothGradients(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const op = tf.customGrad((left, right, saveIn) => {
    (saveIn as tf.GradSaveFunc)([left as tf.Tensor, right as tf.Tensor]);
    return {
      value: bf16MatMul(left as tf.Tensor2D, right as tf.Tensor2D),
      gradFunc: (dy, saved) => {
        const [l, r] = saved as [tf.Tensor2D, tf.Tensor2D];
        return [tf.matMul(dy as tf.Tensor2D, r, false, true), tf.matMul(l, dy as tf.Tensor2D, true, false)];
      },
    };
  });
  return op(a, b) as tf.Tensor2D;
}
