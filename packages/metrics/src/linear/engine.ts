import { readTensor, tf } from '@salmon-sae/compute';
import type { Operand } from './cross-products.js';
import { addCrossProducts } from './cross-products.js';
import type { LinearMap } from './ridge.js';

/** How the products of a regression are computed; sums are float64 in both. */
export interface ProductEngine {
  readonly name: 'float64' | 'float32';
  addCrossProducts(into: Float64Array, a: Operand, b: Operand): void;
  /** [rows, targets] x W + bias */
  predict(map: LinearMap, x: Operand): Float32Array | Float64Array;
}

/** Exact, in plain loops: cheap up to a width of about 500. */
export const float64Engine: ProductEngine = {
  name: 'float64',
  addCrossProducts,
  predict: (map, x) => {
    const rows = x.data.length / map.inputs;
    const out = new Float64Array(rows * map.targets);
    for (let t = 0; t < rows; t++) {
      const at = t * map.targets;
      out.set(map.bias, at);
      for (let i = 0; i < map.inputs; i++) {
        const v = x.data[t * map.inputs + i] as number;
        const w = i * map.targets;
        for (let j = 0; j < map.targets; j++) out[at + j] = (out[at + j] as number) + v * (map.weights[w + j] as number);
      }
    }
    return out;
  },
};

/**
 * Products of one batch in float32 on the compute backend, summed over batches in float64: a hundred times faster at a
 * width of 2304. Inputs should be centred and scaled to about 1 beforehand.
 */
export const float32Engine: ProductEngine = {
  name: 'float32',
  addCrossProducts: (into, a, b) => {
    const product = readTensor(() => tf.matMul(matrix(a), matrix(b), true));
    for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + (product[i] as number);
  },
  predict: (map, x) =>
    readTensor(() => {
      const weights = tf.tensor2d(Float32Array.from(map.weights), [map.inputs, map.targets]);
      return tf.matMul(matrix(x), weights).add(tf.tensor1d(Float32Array.from(map.bias)));
    }),
};

function matrix({ data, columns }: Operand): ReturnType<typeof tf.tensor2d> {
  return tf.tensor2d(data instanceof Float32Array ? data : Float32Array.from(data), [data.length / columns, columns]);
}
