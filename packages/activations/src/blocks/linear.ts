import { tf } from '@salmon-sae/compute';
import type { Matrix } from './pass.js';

/** y = x W^T + b over rows: [n, in] -> [n, out]. */
export interface Linear {
  readonly inputs: number;
  readonly outputs: number;
  apply(x: Matrix): Matrix;
  dispose(): void;
}

/** A float32 linear map; `weight` is [out, in]. */
export function linear(weight: tf.Tensor2D, bias?: tf.Tensor1D): Linear {
  const [outputs, inputs] = weight.shape;
  return {
    inputs,
    outputs,
    apply: (x) => {
      const product: Matrix = tf.matMul(x, weight, false, true);
      return bias === undefined ? product : tf.add<Matrix>(product, bias);
    },
    dispose: () => {
      weight.dispose();
      bias?.dispose();
    },
  };
}
