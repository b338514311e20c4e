import { tf } from '@salmon-sae/compute';
import type { Matrix } from './pass.js';

/** y = x W^T + b over rows: [n, in] -> [n, out]. */
export interface Linear {
  readonly inputs: number;
  readonly outputs: number;
  apply(x: Matrix): Matrix;
  dispose(): void;
}

/** A float32 linear map; `weight` is [out, in] as most checkpoints store it, or [in, out] with `transposed`. */
export function linear(weight: tf.Tensor2D, bias?: tf.Tensor1D, options: { readonly transposed?: boolean } = {}): Linear {
  const byInput = options.transposed === true;
  const [inputs, outputs] = byInput ? weight.shape : [weight.shape[1], weight.shape[0]];
  return {
    inputs,
    outputs,
    apply: (x) => {
      const product: Matrix = tf.matMul(x, weight, false, !byInput);
      return bias === undefined ? product : tf.add<Matrix>(product, bias);
    },
    dispose: () => {
      weight.dispose();
      bias?.dispose();
    },
  };
}
