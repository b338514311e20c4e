import type { Json, NdArray, SaeState, Site } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ByteSource } from '@salmon-sae/dataflow/safetensors';

/** The layouts that SAEs are stored in. */
export type SaeFormat = 'saelens' | 'salmon' | 'gemmascope' | 'gemmascope2' | 'sparsify' | 'dictionary_learning';

export interface OpenOptions {
  /** What a Gemma Scope file is; default: read off its place. */
  readonly variant?: 'sae' | 'embedding' | 'transcoder';
  /** The place that names model and layer, where the local path does not (a hub source in its cache). */
  readonly place?: string;
  /** Safetensors weights to read instead of the local file (a remote one, by ranges). */
  readonly weights?: ByteSource;
}

/** A tensor as a file stores it. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** An SAE that was opened but whose weights are not read yet: configuration, place, and the tensors' types and shapes. */
export interface SaeSource {
  readonly format: SaeFormat;
  readonly config: SaeState['config'];
  readonly site: Site;
  /** What else is known, for the provenance of the loaded state. */
  readonly facts: Readonly<Record<string, Json>>;
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  /** Scale and provenance where the file holds them. */
  readonly origin?: Pick<SaeState, 'scale' | 'trained'>;
  /** Weights under SAELens' names and orientations. */
  weights(): Promise<Record<string, NdArray>>;
  close(): Promise<void>;
}

/** Names of floating-point types in safetensors and NumPy. */
const FLOATS: readonly string[] = ['F32', 'F16', 'BF16', 'F64', '<f4', '<f2', '<f8'];

/**
 * Checks stored types and shapes before any weight is read.
 * @throws SalmonError `bad-shape` naming the tensor and both shapes; `bad-file` for a tensor that the format does not know.
 */
export function checkStored(
  tensors: Readonly<Record<string, StoredTensor>>,
  expected: Readonly<Record<string, readonly number[]>>,
  options: { readonly where: string; readonly optional?: readonly string[] },
): void {
  const { where, optional = [] } = options;
  for (const [name, shape] of Object.entries(expected)) {
    const stored = tensors[name];
    if (stored !== undefined && !FLOATS.includes(stored.dtype)) {
      throw new SalmonError('bad-file', { what: `Tensor "${name}" holds no weights`, where, expected: 'a floating-point dtype', got: stored.dtype });
    }
    if (stored === undefined) {
      const got = Object.keys(tensors).join(', ') || 'no tensors';
      throw new SalmonError('bad-file', { what: `Tensor "${name}" is missing`, where, expected: `${name} [${shape.join(', ')}]`, got });
    }
    if (stored.shape.length !== shape.length || stored.shape.some((size, axis) => size !== shape[axis])) {
      const turned = shape.length === 2 && stored.shape.length === 2 && stored.shape[0] === shape[1] && stored.shape[1] === shape[0];
      throw new SalmonError('bad-shape', {
        what: `Tensor "${name}" has the wrong shape`,
        where,
        expected: `[${shape.join(', ')}]`,
        got: `[${stored.shape.join(', ')}]`,
        ...(turned ? { todo: 'The tensor looks transposed; this format stores it the other way round' } : {}),
      });
    }
  }
  for (const name of Object.keys(tensors)) {
    if (expected[name] === undefined && !optional.includes(name)) {
      const known = [...Object.keys(expected), ...optional].join(', ');
      throw new SalmonError('bad-file', { what: `Tensor "${name}" is not part of this kind of SAE`, where, expected: known, got: name });
    }
  }
}

/** [a, b] -> [b, a] */
export function transpose(array: NdArray): NdArray {
  const [rows = 0, columns = 0] = array.shape;
  const data = new Float32Array(array.data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[j * rows + i] = array.data[i * columns + j] as number;
  return { shape: [columns, rows], data };
}

/** The same array times a scalar. */
export function scaled(array: NdArray, factor: number): NdArray {
  return { shape: array.shape, data: array.data.map((value) => value * factor) };
}
