import type { RowGradient, tf } from '@salmon-sae/compute';

/** A term of the loss beside reconstruction and sparsity, over some latents only. Its tensors belong to the step's tidy. */
export interface ExtraTerm {
  readonly name: string;
  /** Coefficient included. */
  readonly value: tf.Scalar;
  /** Adds the term's gradient to those of the decoder and encoder rows; `project` leaves the part along the decoder rows out. */
  addTo(decoder: RowGradient, encoder: RowGradient, project: boolean): void;
  /** [F] */
  readonly encoderBias: tf.Tensor1D;
  /** [F], of the thresholds themselves. */
  readonly threshold?: tf.Tensor1D;
}
