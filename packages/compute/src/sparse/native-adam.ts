import { SalmonError } from '@salmon-sae/dataflow';
import { adamScalars } from '../optim/adam.js';
import { tf } from '../tf.js';
import type { NativeRowGradient } from './native-ops.js';
import { NativeOwned, runInPlace } from './native-ops.js';
import type { AdamMatrix, AdamRowsUpdate, AdamStart, OwnedTensor } from './sparse-ops.js';

class NativeAdamMatrix implements AdamMatrix {
  readonly param: OwnedTensor;
  readonly first: NativeOwned | undefined;
  readonly second: NativeOwned;
  readonly #empty: tf.Tensor2D;
  step: number;

  constructor(
    param: tf.Tensor2D,
    readonly start: AdamStart,
  ) {
    this.param = new NativeOwned(param);
    this.step = start.from?.step ?? 0;
    const zeros = tf.zeros(param.shape);
    this.first = start.beta1 === 0 ? undefined : new NativeOwned(start.from?.m ?? zeros);
    this.second = new NativeOwned(start.from?.v ?? zeros);
    zeros.dispose();
    this.#empty = tf.keep(tf.zeros([0, 0]));
  }

  firstOrEmpty(): tf.Tensor {
    return this.first?.tensor() ?? this.#empty;
  }

  v(): tf.Tensor2D {
    return tf.add(this.second.tensor(), 0) as tf.Tensor2D;
  }

  m(): tf.Tensor2D | undefined {
    return this.first === undefined ? undefined : (tf.add(this.first.tensor(), 0) as tf.Tensor2D);
  }

  dispose(): void {
    for (const owned of [this.param, this.first, this.second, this.#empty]) owned?.dispose();
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
  runInPlace(
    'SalmonAdamRows',
    [matrix.param.tensor(), gradient.values.tensor(), gradient.touched, matrix.firstOrEmpty(), matrix.second.tensor()],
    [update.clip, stepSize, 1 / rootCorrection, start.beta1, start.beta2, start.eps, 1 - start.beta1, 1 - start.beta2, update.normalise === true ? 1 : 0],
  );
  matrix.step = update.step;
}
