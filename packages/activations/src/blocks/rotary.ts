import { tf } from '@salmon-sae/compute';
import type { RopeConfig } from '../config/rope-config.js';

/** Rotary position embedding (arXiv 2104.09864) over the first `rotated` dimensions of every head. */
export interface Rotary {
  /** [rows, heads, context, headDim] -> same shape, position t of each row turned by t. */
  apply(x: tf.Tensor4D): tf.Tensor4D;
  dispose(): void;
}

export function rotary(config: RopeConfig, headDim: number): Rotary {
  const frequencies = inverseFrequencies(config, headDim);
  const half = frequencies.length;
  const turn = tf.keep(halfTurn(headDim, half));
  const tables = new Map<number, { readonly cos: tf.Tensor2D; readonly sin: tf.Tensor2D }>();
  const table = (context: number): { readonly cos: tf.Tensor2D; readonly sin: tf.Tensor2D } => {
    let made = tables.get(context);
    if (made === undefined) {
      made = angles(frequencies, context, headDim);
      tables.set(context, made);
    }
    return made;
  };
  return {
    apply: (x) => {
      const [rows, heads, context] = x.shape;
      const { cos, sin } = table(context);
      // rotate_half as a product with a signed permutation: one exact pass instead of two slices, a negation and a concat.
      const turned = tf.matMul(x.reshape([rows * heads * context, headDim]), turn).reshape(x.shape);
      return tf.add(tf.mul(x, cos), tf.mul(turned, sin));
    },
    dispose: () => {
      turn.dispose();
      for (const made of tables.values()) tf.dispose([made.cos, made.sin]);
      tables.clear();
    },
  };
}

/** Angle per position of each rotated pair; Llama-3's rule (section "frequency scaling" of its reference code) included. */
export function inverseFrequencies(config: RopeConfig, headDim: number): Float64Array {
  const rotated = Math.trunc(headDim * config.partial);
  const half = rotated >> 1;
  const { scaling } = config;
  return Float64Array.from({ length: half }, (_, i) => {
    const frequency = 1 / config.theta ** ((2 * i) / rotated);
    switch (scaling.kind) {
      case 'default':
        return frequency;
      case 'linear':
        return frequency / scaling.factor;
      case 'llama3': {
        const wavelength = (2 * Math.PI) / frequency;
        const longest = scaling.originalContext / scaling.lowFrequencyFactor;
        const shortest = scaling.originalContext / scaling.highFrequencyFactor;
        if (wavelength > longest) return frequency / scaling.factor;
        if (wavelength < shortest) return frequency;
        const smooth =
          (scaling.originalContext / wavelength - scaling.lowFrequencyFactor) /
          (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
        return ((1 - smooth) * frequency) / scaling.factor + smooth * frequency;
      }
    }
  });
}

/** [headDim, headDim]: (x @ R)[i] = -x[i + half], (x @ R)[i + half] = x[i] within the rotated part, 0 beyond it. */
function halfTurn(headDim: number, half: number): tf.Tensor2D {
  const values = new Float32Array(headDim * headDim);
  for (let i = 0; i < half; i++) {
    values[(i + half) * headDim + i] = -1;
    values[i * headDim + i + half] = 1;
  }
  return tf.tensor2d(values, [headDim, headDim]);
}

function angles(frequencies: Float64Array, context: number, headDim: number): { cos: tf.Tensor2D; sin: tf.Tensor2D } {
  const half = frequencies.length;
  const cos = new Float32Array(context * headDim).fill(1);
  const sin = new Float32Array(context * headDim);
  for (let t = 0; t < context; t++) {
    for (let i = 0; i < half; i++) {
      // float32 angles, as the reference implementation has them
      const angle = Math.fround(t * Math.fround(frequencies[i] ?? 0));
      const at = t * headDim + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at] = sin[at + half] = Math.sin(angle);
    }
  }
  return { cos: tf.keep(tf.tensor2d(cos, [context, headDim])), sin: tf.keep(tf.tensor2d(sin, [context, headDim])) };
}
