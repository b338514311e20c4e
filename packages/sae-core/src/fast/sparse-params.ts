import type { AdamMatrix, AdamSlots, RowGradient, SparseOps } from '@salmon-sae/compute';
import { adam, clipFactor, disposeAll, tf } from '@salmon-sae/compute';
import type { NdArray } from '@salmon-sae/dataflow';
import type { ArrayMap, TensorMap } from '../architectures/architecture.js';
import { masked } from '../train/held-latents.js';
import type { LearnerSnapshot } from '../train/learner.js';
import type { Trainable } from '../train/trainable.js';
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
  /** In order of name: sums over parameters (the gradient norm) must not depend on where the arrays came from. */
  readonly #names: readonly string[];
  readonly #trainable: Trainable | undefined;
  #vectors: TensorMap;
  #slots: AdamSlots;
  #unitRows: boolean;

  constructor(ops: SparseOps, training: TrainingOptions, from: { readonly snapshot: Pick<LearnerSnapshot, 'step' | 'params' | 'slots'>; readonly trainable: Trainable | undefined }) {
    const { snapshot, trainable } = from;
    this.#ops = ops;
    this.#training = training;
    this.#trainable = trainable;
    this.#names = Object.keys(snapshot.params).sort();
    const { params, slots, step } = snapshot;
    const start = { beta1: training.beta1, beta2: training.beta2, eps: training.epsilon, moments: training.moments };
    const matrix = (name: 'W_enc' | 'W_dec'): AdamMatrix =>
      scoped(() => {
        const load = (array: NdArray): tf.Tensor2D => {
          const tensor = tf.tensor(array.data, [...array.shape], 'float32') as unknown as tf.Tensor2D;
          return name === 'W_enc' ? tf.transpose(tensor) : tensor;
        };
        const from = step === 0 ? {} : { from: { step, m: load(slots[`m.${name}`]!), v: load(slots[`v.${name}`]!) } };
        // Each matrix rounds its moments by bits of its own.
        const seed = 2 * training.seed + (name === 'W_enc' ? 0 : 1);
        return this.#ops.adamMatrix(load(params[name]!), { ...start, seed, ...from });
      });
    this.encoder = matrix('W_enc');
    this.decoder = matrix('W_dec');
    const [latents, outWidth] = this.decoder.param.shape as [number, number];
    const frozen = trainable?.latents.map((learns) => 1 - learns);
    this.encoderGradient = ops.rowGradient(latents, this.encoder.param.shape[1] as number, frozen);
    this.decoderGradient = ops.rowGradient(latents, outWidth, frozen);
    this.#unitRows = step > 0 || haveUnitNorm(this.decoderRows, trainable);
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

  /** Whether all decoder rows that learn have unit norm (to rounding); with `decoder: 'unit-norm'` true from the first update on. */
  get unitRows(): boolean {
    return this.#unitRows;
  }

  /** All parameters under their usual names and shapes, as tensors of the current tidy. */
  tensors(): TensorMap {
    return { ...this.#vectors, W_enc: tf.transpose(this.encoderRows), W_dec: this.decoderRows };
  }

  get encoderRows(): tf.Tensor2D {
    return this.encoder.param.tensor() as tf.Tensor2D;
  }

  get decoderRows(): tf.Tensor2D {
    return this.decoder.param.tensor() as tf.Tensor2D;
  }

  /** Clipping by global norm, Adam, renormalisation of the decoder rows; returns the norm before clipping. Call inside a tidy. */
  update(gradients: StepGradients, schedule: StepSchedule): number {
    const { clipNorm, decoder, beta1, beta2, epsilon } = this.#training;
    const own = this.#trainable === undefined ? gradients.vectors : masked(gradients.vectors, this.#trainable);
    const gradNorm = scoped(() => {
      const squares = [gradients.squares, ...Object.values(own).map((g) => tf.sum(tf.square(g)))];
      return (tf.sqrt(tf.addN(squares)) as tf.Scalar).dataSync()[0] as number;
    });
    const clip = clipNorm === null ? 1 : clipFactor(gradNorm, clipNorm);
    const update = { step: schedule.step + 1, learningRate: schedule.learningRate, clip };
    this.#ops.adamRows(this.encoder, this.encoderGradient, update);
    this.#ops.adamRows(this.decoder, this.decoderGradient, { ...update, normalise: decoder === 'unit-norm' });
    const grads = Object.fromEntries(Object.entries(own).map(([name, g]) => [name, tf.mul(g, clip)]));
    const next = adam({ beta1, beta2, eps: epsilon }).update({ params: this.#vectors, grads, slots: this.#slots, learningRate: schedule.learningRate });
    disposeAll(grads);
    const old = [this.#vectors, this.#slots.m, this.#slots.v];
    this.#vectors = next.params;
    this.#slots = next.slots;
    for (const map of [next.params, next.slots.m, next.slots.v]) for (const tensor of Object.values(map)) tf.keep(tensor);
    for (const map of old) disposeAll(map);
    this.#unitRows = true;
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

  /** Parameters under their usual names and shapes. */
  params(): ArrayMap {
    const params: Record<string, NdArray> = {};
    for (const name of this.#names) {
      const matrix = this.#matrix(name);
      params[name] = matrix === undefined ? read(this.#vectors[name] as tf.Tensor) : readMatrix(name, () => matrix.param.tensor());
    }
    return params;
  }

  /** The optimizer's moments, as `m.<parameter>` and `v.<parameter>`. */
  slots(): ArrayMap {
    const slots: Record<string, NdArray> = {};
    for (const name of this.#names) {
      const matrix = this.#matrix(name);
      if (matrix === undefined) {
        slots[`m.${name}`] = read(this.#slots.m[name] as tf.Tensor);
        slots[`v.${name}`] = read(this.#slots.v[name] as tf.Tensor);
      } else {
        slots[`v.${name}`] = readMatrix(name, () => matrix.v());
        // With beta1 = 0 the first moment is the last gradient and never read again: zeros stand for it.
        slots[`m.${name}`] = readMatrix(name, () => matrix.m() ?? tf.zeros([...matrix.param.shape]));
      }
    }
    return slots;
  }

  #matrix(name: string): AdamMatrix | undefined {
    return name === 'W_enc' ? this.encoder : name === 'W_dec' ? this.decoder : undefined;
  }

  dispose(): void {
    for (const owned of [this.encoder, this.decoder, this.encoderGradient, this.decoderGradient]) owned.dispose();
    for (const map of [this.#vectors, this.#slots.m, this.#slots.v]) disposeAll(map);
  }
}

/** Of how much a squared norm may differ from 1 and still count as rounding. */
const UNIT_TOLERANCE = 1e-5;

function haveUnitNorm(rows: tf.Tensor2D, trainable: Trainable | undefined): boolean {
  const worst = tf.tidy(() => {
    const off = tf.abs(tf.sub(tf.sum(tf.square(rows), 1), 1));
    return tf.max(trainable === undefined ? off : tf.mul(off, tf.cast(tf.tensor1d(trainable.latents, 'bool'), 'float32')));
  });
  const value = worst.dataSync()[0] as number;
  worst.dispose();
  return value < UNIT_TOLERANCE;
}

function isMatrix(name: string): boolean {
  return name === 'W_enc' || name === 'W_dec';
}

/** A matrix of the learner's in the orientation of a snapshot. What is read is a copy already: wide matrices are not copied twice. */
function readMatrix(name: string, of: () => tf.Tensor): NdArray {
  return scoped(() => {
    const tensor = name === 'W_enc' ? tf.transpose(of()) : of();
    return { shape: [...tensor.shape], data: tensor.dataSync<'float32'>() as Float32Array };
  });
}

function read(tensor: tf.Tensor): NdArray {
  return { shape: [...tensor.shape], data: Float32Array.from(tensor.dataSync<'float32'>()) };
}
