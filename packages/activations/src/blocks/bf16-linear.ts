import type { PackedMatrix, tf } from '@salmon-sae/compute';
import type { Linear } from './linear.js';

/** A linear map whose product runs in bfloat16 with float32 sums. Takes over the weight and the bias. */
export function bf16Linear(weight: PackedMatrix, bias?: tf.Tensor1D): Linear {
  const { inputs, outputs } = weight;
  return {
    inputs,
    outputs,
    apply: (x) => weight.matMul(x, bias),
    dispose: () => {
      weight.dispose();
      bias?.dispose();
    },
  };
}
