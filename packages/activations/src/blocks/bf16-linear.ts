import { tf } from '@salmon-sae/compute';
import { linear } from './linear.js';
import type { Linear } from './linear.js';
import { bf16Matrix } from './bf16-matrix.js';

/** A linear map whose product runs in bfloat16 with float32 sums; the weights rest in bfloat16. Takes over both tensors. */
export function bf16Linear(weight: tf.Tensor2D, bias?: tf.Tensor1D): Linear {
  const held = bf16Matrix(weight);
  if (held === undefined) return linear(weight, bias);
  const [outputs, inputs] = weight.shape;
  weight.dispose();
  return {
    inputs,
    outputs,
    apply: (x) => {
      const product = held.product(x);
      return bias === undefined ? product : tf.add(product, bias);
    },
    dispose: () => {
      held.dispose();
      bias?.dispose();
    },
  };
}
