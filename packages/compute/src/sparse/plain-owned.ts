import { tf } from '../tf.js';
import type { OwnedTensor, RowGradient } from './sparse-ops.js';

/** A JavaScript array with a tensor made from it when asked for. */
export class PlainOwned implements OwnedTensor {
  readonly shape: readonly number[];
  readonly #data: Float32Array;
  #tensor: tf.Tensor | undefined;

  constructor(tensor: tf.Tensor) {
    this.shape = [...tensor.shape];
    this.#data = Float32Array.from(tensor.dataSync<'float32'>());
  }

  tensor(): tf.Tensor {
    this.#tensor ??= tf.keep(tf.tensor(this.#data.slice(), [...this.shape], 'float32'));
    return this.#tensor;
  }

  /** The content, to be read. */
  read(): Float32Array {
    return this.#data;
  }

  /** The content, to be changed. */
  write(): Float32Array {
    this.#tensor?.dispose();
    this.#tensor = undefined;
    return this.#data;
  }

  dispose(): void {
    this.#tensor?.dispose();
    this.#tensor = undefined;
  }
}

export class PlainRowGradient implements RowGradient {
  readonly values: Float32Array;
  /** 1 touched, 0 not, -1 frozen. */
  readonly touched: Int8Array;

  constructor(
    readonly latents: number,
    readonly width: number,
    frozen?: Uint8Array,
  ) {
    this.values = new Float32Array(latents * width);
    this.touched = Int8Array.from({ length: latents }, (_, f) => (frozen?.[f] === 1 ? -1 : 0));
  }

  dense(): tf.Tensor2D {
    const copy = new Float32Array(this.values.length);
    for (let f = 0; f < this.latents; f++) {
      if (this.touched[f] === 1) copy.set(this.values.subarray(f * this.width, (f + 1) * this.width), f * this.width);
    }
    return tf.tensor2d(copy, [this.latents, this.width]);
  }

  dispose(): void {
    // Only JavaScript memory is held.
  }
}
