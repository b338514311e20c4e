import type { OwnedTensor, RowGradient } from '../sparse/sparse-ops.js';
import { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';

const THREADS = 256;

const copyValues: Kernel = {
  name: 'copy',
  reads: { values: 'f32' },
  writes: { copy: 'f32' },
  parameters: { n: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.n) { copy[thread] = values[thread]; }',
};

/** A copy in GPU memory of its own, in no scope. */
function privateCopy(values: tf.Tensor): tf.Tensor {
  const copy = tf.keep(uninitialised(values.shape as [number], 'float32'));
  run(copyValues, { tensors: { copy, values }, parameters: { n: values.size }, groups: Math.ceil(values.size / THREADS) });
  return copy;
}

export class WebGpuOwned implements OwnedTensor {
  readonly shape: readonly number[];
  readonly #tensor: tf.Tensor;

  constructor(tensor: tf.Tensor) {
    this.shape = [...tensor.shape];
    this.#tensor = privateCopy(tensor);
  }

  tensor(): tf.Tensor {
    return this.#tensor;
  }

  dispose(): void {
    this.#tensor.dispose();
  }
}

const denseCopy: Kernel = {
  name: 'dense gradient',
  reads: { values: 'f32', touched: 'u32' },
  writes: { dense: 'f32' },
  parameters: { n: 'u32', width: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.n) { dense[thread] = select(0.0, values[thread], touched[thread / p.width] == 1u); }',
};

/** WGSL: the mark of a row that never gets a gradient; 1 marks a touched row, 0 an untouched one. */
export const FROZEN = '0xffffffffu';

const untouchRows: Kernel = {
  name: 'untouch rows',
  reads: {},
  writes: { touched: 'u32' },
  parameters: { latents: 'u32' },
  threads: THREADS,
  body: 'if (thread < p.latents && touched[thread] == 1u) { touched[thread] = 0u; }',
};

export class WebGpuRowGradient implements RowGradient {
  readonly values: tf.Tensor2D;
  readonly touched: tf.Tensor1D;

  constructor(
    readonly latents: number,
    readonly width: number,
    frozen?: Uint8Array,
  ) {
    this.values = tf.keep(uninitialised<tf.Rank.R2>([latents, width], 'float32'));
    this.touched = tf.keep(tf.tensor1d(Int32Array.from({ length: latents }, (_, f) => (frozen?.[f] === 1 ? -1 : 0)), 'int32'));
  }

  clear(): void {
    run(untouchRows, { tensors: { touched: this.touched }, parameters: { latents: this.latents }, groups: Math.ceil(this.latents / THREADS) });
  }

  dense(): tf.Tensor2D {
    const dense = uninitialised<tf.Rank.R2>([this.latents, this.width], 'float32');
    const n = dense.size;
    run(denseCopy, { tensors: { dense, values: this.values, touched: this.touched }, parameters: { n, width: this.width }, groups: Math.ceil(n / THREADS) });
    return dense;
  }

  dispose(): void {
    tf.dispose([this.values, this.touched]);
  }
}
