import { sparseOps, tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import type { ResolvedConfig } from '../config.js';
import { collect, encoderRows, tiles } from './kernel.js';
import type { EncodeKernel } from './kernel.js';

/** From as many rows on, screening pays for bringing the weights into the processor's form. */
const SCREENED_ROWS = 32;

export interface ThresholdWeights {
  readonly W_enc: NdArray | undefined;
  /** [F] on the backend; the kernel disposes of them. */
  readonly bias: tf.Tensor1D;
  readonly threshold: tf.Tensor1D;
}

/** Codes are the pre-activations above a threshold of their latent. */
export function thresholdKernel(config: ResolvedConfig, { W_enc, bias, threshold }: ThresholdWeights): EncodeKernel {
  const ops = sparseOps();
  const rows_FD = encoderRows(W_enc, config);
  return {
    encode: (x, rows, codes) => {
      const screened = ops.canScreen() && rows >= SCREENED_ROWS ? screen(x, rows) : undefined;
      if (screened !== undefined) codes.pushCodes(screened);
      else tiles(x, rows, config, (x_BD) => collect(ops.sparsify(tf.matMul<tf.Tensor2D>(x_BD, rows_FD, false, true), { bias, threshold }), codes));
    },
    dispose: () => tf.dispose([rows_FD, bias, threshold]),
  };

  function screen(x: Float32Array, rows: number): ReturnType<typeof ops.productCodes> {
    const x_BD = tf.tensor2d(x, [rows, config.d_in]);
    // Outside any tidy, which would walk through the codes.
    const codes = ops.productCodes(x_BD, rows_FD, { bias, threshold });
    x_BD.dispose();
    return codes;
  }
}
