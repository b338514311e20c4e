import type { AdamMatrix, AdamSlots, RowGradient, SparseOps } from '@salmon-sae/compute';
import { adam, clipFactor, disposeAll, tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import type { ArrayMap, TensorMap } from '../architectures/architecture.js';
import type { LearnerSnapshot } from '../train/learner.js';
import type { StepSchedule, TrainingOptions } from '../train/training-config.js';
import { scoped } from './scoped.js';

/** Gradients of one step: of the two matrices by row, of the vectors as they are. */
export interface StepGradients {
  /** Sums of squares of the two matrices' gradients. */
  readonly squares: tf.Scalar;
  readonly vectors: TensorMap;
}

/**
 * The parameters of a sparse learner: W_enc transposed ([F, d], so that a latent's weights lie together) and W_dec in memory that the
 * optimizer updates in place, the vectors as ordinary tensors.
 */
export class SparseParams {
  readonly encoder: AdamMatrix;
  readonly decoder: AdamMatrix;
  readonly encoderGradient: RowGradient;
  readonly decoderGradient: RowGradient;
  readonly #ops: SparseOps;
  readonly #training: TrainingOptions;
  /** Parameters that had no matrix form, in the order of the snapshot. */
  readonly #names: readonly string[];
  #vectors: TensorMap;
  #slots: AdamSlots;

  constructor(ops: SparseOps, training: TrainingOptions, snapshot: LearnerSnapshot) {
    this.#ops = ops;
    this.#training = training;
    this.#names = Object.keys(snapshot.params);
    const { params, slots, step } = snapshot;
    const start = { beta1: training.beta1, beta2: training.beta2, eps: training.epsilon };
    const matrix = (name: 'W_enc' | 'W_dec'): AdamMatrix =>
      scoped(() => {
        const load = (array: NdArray): tf.Tensor2D => {
          const tensor = tf.tensor(array.data, [...array.shape], 'float32') as unknown as tf.Tensor2D;
          return name === 'W_enc' ? tf.transpose(tensor) : tensor;
        };
        const from = step === 0 ? {} : { from: { step, m: load(slots[`m.${name}`]!), v: load(slots[`v.${name}`]!) } };
        return this.#ops.adamMatrix(load(params[name]!), { ...start, ...from });
      });
    this.encoder = matrix('W_enc');
    this.decoder = matrix('W_dec');
    const [latents, outWidth] = this.decoder.param.shape as [number, number];
    this.encoderGradient = ops.rowGradient(latents, this.encoder.param.shape[1] as number);
    this.decoderGradient = ops.rowGradient(latents, outWidth);
    const vectors = (source: ArrayMap, prefix: string): TensorMap =>
      Object.fromEntries(
        this.#names.filter((name) => !isMatrix(name)).map((name) => {
          // A snapshot of a learner before its first step may leave the slots out: they are zero.
          const array = source[prefix + name];
          const tensor = array === undefined ? tf.zeros([...params[name]!.shape]) : tf.tensor(Float32Array.from(array.data), [...array.shape]);
          return [name, tf.keep(tensor)];
        }),
      );
    this.#vectors = vectors(params, '');
    this.#slots = { step, m: vectors(slots, 'm.'), v: vectors(slots, 'v.') };
  }

  get vectors(): TensorMap {
    return this.#vectors;
  }

  get encoderRows(): tf.Tensor2D {
    return this.encoder.param.tensor() as tf.Tensor2D;
  }

  get decoderRows(): tf.Tensor2D {
    return this.decoder.param.tensor() as tf.Tensor2D;
  }

  /** Clipping by global norm, Adam, renormalisation of the decoder rows; returns the norm before clipping. */
  update(gradients: StepGradients, schedule: StepSchedule): number {
    const { clipNorm, decoder, beta1, beta2, epsilon } = this.#training;
    const gradNorm = scoped(() => {
      const squares = [gradients.squares, ...Object.values(gradients.vectors).map((g) => tf.sum(tf.square(g)))];
      return (tf.sqrt(tf.addN(squares)) as tf.Scalar).dataSync()[0] as number;
    });
    const clip = clipNorm === null ? 1 : clipFactor(gradNorm, clipNorm);
    const update = { step: schedule.step + 1, learningRate: schedule.learningRate, clip };
    this.#ops.adamRows(this.encoder, this.encoderGradient, update);
    this.#ops.adamRows(this.decoder, this.decoderGradient, { ...update, normalise: decoder === 'unit-norm' });
    const grads = Object.fromEntries(Object.entries(gradients.vectors).map(([name, g]) => [name, tf.mul(g, clip)]));
    const next = adam({ beta1, beta2, eps: epsilon }).update({ params: this.#vectors, grads, slots: this.#slots, learningRate: schedule.learningRate });
    disposeAll(grads);
    const old = [this.#vectors, this.#slots.m, this.#slots.v];
    this.#vectors = next.params;
    this.#slots = next.slots;
    for (const map of [next.params, next.slots.m, next.slots.v]) for (const tensor of Object.values(map)) tf.keep(tensor);
    for (const map of old) disposeAll(map);
    return gradNorm;
  }

  /** Replaces vectors (after a step, by the architecture's own rule). */
  replace(vectors: TensorMap): void {
    for (const [name, tensor] of Object.entries(vectors)) {
      const old = this.#vectors[name];
      if (old === tensor) continue;
      this.#vectors = { ...this.#vectors, [name]: tf.keep(tensor) };
      old?.dispose();
    }
  }

  /** Parameters and moments under their usual names and shapes. */
  download(): { readonly params: ArrayMap; readonly slots: ArrayMap } {
    const params: Record<string, NdArray> = {};
    const slots: Record<string, NdArray> = {};
    for (const name of this.#names) {
      if (isMatrix(name)) {
        const matrix = name === 'W_enc' ? this.encoder : this.decoder;
        const turned = name === 'W_enc';
        params[name] = scoped(() => read(oriented(matrix.param.tensor(), turned)));
        slots[`v.${name}`] = scoped(() => read(oriented(matrix.v(), turned)));
        // With beta1 = 0 the first moment is the last gradient and never read again: zeros stand for it.
        slots[`m.${name}`] = scoped(() => read(oriented(matrix.m() ?? tf.zeros([...matrix.param.shape]), turned)));
      } else {
        params[name] = read(this.#vectors[name] as tf.Tensor);
        slots[`m.${name}`] = read(this.#slots.m[name] as tf.Tensor);
        slots[`v.${name}`] = read(this.#slots.v[name] as tf.Tensor);
      }
    }
    return { params, slots };
  }

  dispose(): void {
    for (const owned of [this.encoder, this.decoder, this.encoderGradient, this.decoderGradient]) owned.dispose();
    for (const map of [this.#vectors, this.#slots.m, this.#slots.v]) disposeAll(map);
  }
}

function isMatrix(name: string): boolean {
  return name === 'W_enc' || name === 'W_dec';
}

function oriented(tensor: tf.Tensor, turned: boolean): tf.Tensor {
  return turned ? tf.transpose(tensor) : tensor;
}

function read(tensor: tf.Tensor): NdArray {
  return { shape: [...tensor.shape], data: Float32Array.from(tensor.dataSync<'float32'>()) };
}
