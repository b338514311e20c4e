import { hasNativeBf16, packBf16, packBf16Words, tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import type { SafetensorsReader } from '@salmon-sae/dataflow/safetensors';
import { bf16Linear } from '../blocks/bf16-linear.js';
import { embeddingTable } from '../blocks/embedding.js';
import type { EmbeddingTable } from '../blocks/embedding.js';
import { linear } from '../blocks/linear.js';
import type { Linear } from '../blocks/linear.js';

export type Precision = 'f32' | 'bf16';

/** The tensors of a model folder, moved to the backend one by one, so that a model is never held twice. */
export interface WeightSource {
  readonly precision: Precision;
  has(name: string): boolean;
  /** A vector, plus a constant where the checkpoint stores the difference to it (Gemma's norm gains are stored minus one). */
  vector(name: string, length: number, options?: { readonly plus?: number }): Promise<tf.Tensor1D>;
  matrix(name: string, rows: number, columns: number): Promise<tf.Tensor2D>;
  /** `weight` [outputs, inputs] (or [inputs, outputs] with `transposed`), `bias` [outputs] where named. */
  linear(names: LinearNames, inputs: number, outputs: number): Promise<Linear>;
  /** One linear map per list of output rows, taken out of a fused one (query, key and value in one tensor). */
  linearParts(names: LinearNames, shape: FusedShape, parts: readonly (readonly number[])[]): Promise<readonly Linear[]>;
  embedding(name: string, rows: number, width: number): Promise<EmbeddingTable>;
  /** Hands over something else that lives as long as the weights. */
  own<T extends Disposable>(part: T): T;
  /** Parameters read so far. */
  parameters(): number;
  /** Frees everything that was loaded. */
  dispose(): void;
}

export interface Disposable {
  dispose(): void;
}

export interface LinearNames {
  readonly weight: string;
  readonly bias?: string | undefined;
  readonly transposed?: boolean;
}

export interface FusedShape {
  readonly inputs: number;
  readonly outputs: number;
}

/** `prefixes` are tried in turn before every name (folders differ in whether they keep the outer module's name). */
export function weightSource(
  reader: SafetensorsReader,
  options: { readonly where: string; readonly precision: Precision; readonly prefixes?: readonly string[] },
): WeightSource {
  const { where, precision } = options;
  const prefixes = options.prefixes ?? [''];
  const owned: Disposable[] = [];
  let parameters = 0;
  const own = <T extends Disposable>(part: T): T => {
    owned.push(part);
    return part;
  };
  const find = (name: string): string | undefined => prefixes.map((p) => p + name).find((full) => reader.has(full));
  const checked = (name: string, shape: readonly number[]): string => {
    const full = find(name);
    if (full === undefined) {
      throw new SalmonError('bad-file', {
        what: `The weights lack tensor "${name}"`,
        where,
        expected: `[${shape.join(', ')}], as config.json says`,
        got: 'no such tensor',
        todo: 'Check that config.json and the weights belong to the same model',
      });
    }
    const info = reader.info(full);
    if (info.shape.length !== shape.length || info.shape.some((n, i) => n !== shape[i])) {
      throw new SalmonError('bad-shape', {
        what: `Tensor "${full}" has another shape than config.json says`,
        where,
        expected: `[${shape.join(', ')}]`,
        got: `[${info.shape.join(', ')}]`,
      });
    }
    parameters += shape.reduce((product, n) => product * n, 1);
    return full;
  };
  const read = async (name: string, shape: readonly number[]): Promise<Float32Array> =>
    (await reader.read(checked(name, shape))).data;
  /** Whether a tensor goes from the file to its packed form as it lies there, without a float32 copy. */
  const inWords = (name: string, columns: number): boolean =>
    precision === 'bf16' && columns % 2 === 0 && reader.info(name).dtype === 'BF16' && hasNativeBf16();
  const readWords = async (name: string, from: number, to: number): Promise<Int32Array> => {
    const bytes = await reader.readBytes(name, from, to);
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  };
  /** Takes over the weight, [outputs, inputs] or its words. */
  const make = (weight: tf.Tensor2D, bias: Float32Array | undefined): Linear => {
    const b = bias === undefined ? undefined : upload(() => tf.tensor1d(bias));
    if (precision !== 'bf16') return own(linear(weight, b));
    const packed = weight.dtype === 'int32' ? packBf16Words(weight) : packBf16(weight);
    weight.dispose();
    return own(bf16Linear(packed, b));
  };
  /** A weight as [outputs, inputs] (or its words); products with the other layout take twice as long. */
  const byOutput = async (names: LinearNames, { inputs, outputs }: FusedShape): Promise<tf.Tensor2D> => {
    if (names.transposed === true) {
      const data = await read(names.weight, [inputs, outputs]);
      return upload(() => tf.tidy(() => tf.transpose(tf.tensor2d(data, [inputs, outputs]))));
    }
    const full = checked(names.weight, [outputs, inputs]);
    if (inWords(full, inputs)) {
      const words = await readWords(full, 0, outputs);
      return upload(() => tf.tensor2d(words, [outputs, inputs / 2], 'int32'));
    }
    const { data } = await reader.read(full);
    return upload(() => tf.tensor2d(data, [outputs, inputs]));
  };
  return {
    precision,
    has: (name) => find(name) !== undefined,
    vector: async (name, length, { plus } = {}) => {
      const data = await read(name, [length]);
      if (plus !== undefined) data.forEach((value, i) => (data[i] = value + plus));
      return own(upload(() => tf.tensor1d(data)));
    },
    matrix: async (name, rows, columns) => {
      const data = await read(name, [rows, columns]);
      return own(upload(() => tf.tensor2d(data, [rows, columns])));
    },
    linear: async (names, inputs, outputs) => {
      const bias = names.bias === undefined ? undefined : await read(names.bias, [outputs]);
      return make(await byOutput(names, { inputs, outputs }), bias);
    },
    linearParts: async (names, shape, parts) => {
      const biases = names.bias === undefined ? undefined : await read(names.bias, [shape.outputs]);
      const all = await byOutput(names, shape);
      const linears = parts.map((rows) => {
        const weight = upload(() => tf.tidy(() => tf.gather(all, tf.tensor1d([...rows], 'int32'))));
        return make(weight, biases === undefined ? undefined : Float32Array.from(rows, (row) => biases[row] as number));
      });
      all.dispose();
      return linears;
    },
    embedding: async (name, rows, width) => {
      const full = checked(name, [rows, width]);
      const table = await embeddingTable(
        { rows, width, precision },
        async (from, to) => (inWords(full, width) ? readWords(full, from, to) : (await reader.readRows(full, from, to)).data),
      );
      return own(table);
    },
    own,
    parameters: () => parameters,
    dispose: () => {
      for (const part of owned.splice(0)) part.dispose();
    },
  };
}

/** Makes a tensor and forces its copy to the backend now, so that the JavaScript array can be collected. */
export function upload<T extends tf.Tensor>(make: () => T): T {
  const tensor = tf.keep(make());
  tf.tidy(() => void tf.slice(tensor.flatten(), [0], [1]));
  return tensor;
}
