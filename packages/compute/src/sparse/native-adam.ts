import { SalmonError } from '@salmon-sae/dataflow';
import { adamScalars } from '../optim/adam.js';
import { tf } from '../tf.js';
import type { NativeRowGradient } from './native-ops.js';
import { allocated, NativeOwned } from './native-ops.js';
import { run, runInPlace } from './native-run.js';
import { roundingSeed } from './rounding-seed.js';
import type { AdamMatrix, AdamRowsUpdate, AdamStart, OwnedTensor } from './sparse-ops.js';

class NativeAdamMatrix implements AdamMatrix {
  readonly param: OwnedTensor;
  /** In float32, or packed in pairs of bfloat16; [0, 0] where beta1 = 0. */
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
  readonly low: boolean;
  step: number;

  constructor(
    param: tf.Tensor2D,
    readonly start: AdamStart,
  ) {
    this.param = new NativeOwned(param);
    this.low = start.moments === 'bf16';
    this.step = start.from?.step ?? 0;
    this.first = start.beta1 === 0 ? allocated(this.low ? 'SalmonZeroWords' : 'SalmonZeros', [0, 0]) : this.#moment(start.from?.m);
    this.second = this.#moment(start.from?.v);
  }

  v(): tf.Tensor2D {
    return this.#copy(this.second);
  }

  m(): tf.Tensor2D | undefined {
    return this.start.beta1 === 0 ? undefined : this.#copy(this.first);
  }

  dispose(): void {
    for (const owned of [this.param, this.first, this.second]) owned.dispose();
  }

  #moment(from: tf.Tensor | undefined): tf.Tensor {
    const [rows, width] = this.param.shape as [number, number];
    if (from === undefined) return this.low ? allocated('SalmonZeroWords', [rows, Math.ceil(width / 2)]) : allocated('SalmonZeros', [rows, width]);
    return tf.keep(run(this.low ? 'SalmonPackBf16' : 'SalmonOwn', [from], 1)[0] as tf.Tensor);
  }

  #copy(moment: tf.Tensor): tf.Tensor2D {
    const copied = (): tf.Tensor => (this.low ? run('SalmonUnpackBf16', [moment, tf.tensor1d([this.param.shape[1] as number], 'int32')], 1)[0] as tf.Tensor : tf.add(moment, 0));
    return tf.tidy(() => copied() as tf.Tensor2D);
  }
}

export function nativeAdamMatrix(param: tf.Tensor2D, start: AdamStart): AdamMatrix {
  return new NativeAdamMatrix(param, start);
}

export function nativeAdamRows(matrix: AdamMatrix, gradient: NativeRowGradient, update: AdamRowsUpdate): void {
  if (!(matrix instanceof NativeAdamMatrix)) throw new Error('an optimizer matrix of another SparseOps implementation');
  const { start } = matrix;
  if (update.step !== matrix.step + 1) {
    throw new SalmonError('bad-config', { what: 'Adam updates must be numbered without gaps', expected: String(matrix.step + 1), got: String(update.step) });
  }
  const { stepSize, rootCorrection } = adamScalars(start, update.step, update.learningRate);
  const scalars = [update.clip, stepSize, 1 / rootCorrection, start.beta1, start.beta2, start.eps, 1 - start.beta1, 1 - start.beta2, update.normalise === true ? 1 : 0];
  tf.tidy(() => {
    const inputs = [matrix.param.tensor(), gradient.values, gradient.touched, matrix.first, matrix.second, tf.tensor1d(scalars)];
    if (matrix.low) runInPlace('SalmonAdamRowsBf16', [...inputs, tf.tensor1d([roundingSeed(start.seed ?? 0, update.step) | 0], 'int32')]);
    else runInPlace('SalmonAdamRows', inputs);
  });
  matrix.step = update.step;
}
