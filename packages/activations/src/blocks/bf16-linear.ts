import { tf } from '@salmon-sae/compute';
import { linear } from './linear.js';
import type { Linear } from './linear.js';
import { bf16Matrix } from './bf16-matrix.js';

/** A linear map whose product runs in bfloat16 with float32 sums; the weights rest in bfloat16. Takes over both tensors. */
export function bf16Linear(weight: tf.Tensor2D, bias?: tf.Tensor1D, options: { readonly transposed?: boolean } = {}): Linear {
  const held = bf16Matrix(weight);
  if (held === undefined) return linear(weight, bias, options);
  const byInput = options.transposed === true;
  const [inputs, outputs] = byInput ? weight.shape : [weight.shape[1], weight.shape[0]];
  weight.dispose();
  return {
    inputs,
    outputs,
    apply: (x) => {
      const product = held.product(x, !byInput);
      return bias === undefined ? product : tf.add(product, bias);
    },
    dispose: () => {
      held.dispose();
      bias?.dispose();
    },
  };
}
