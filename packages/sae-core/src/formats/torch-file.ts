import { SalmonError } from '@salmon-sae/dataflow';
import type { NdArray } from '@salmon-sae/dataflow';
import { bfloatToFloat, halfToFloat } from '@salmon-sae/dataflow/safetensors';
import { isTensor, unpickle } from './unpickle.js';
import type { PickledTensor } from './unpickle.js';
import type { StoredTensor } from './sae-source.js';
import { openZip, readWhole } from './zip-archive.js';

/** The tensors of a state dict that torch.save wrote (the zip format of PyTorch 1.6 and later). */
export interface TorchReader {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  /** Any dtype as float32. */
  read(name: string): Promise<NdArray>;
  close(): Promise<void>;
}

/** The pickle only describes tensors, some 100 bytes each; a larger one is something else (and could make as many objects as it has bytes). */
const MAX_PICKLE_BYTES = 1 << 20;

interface Element {
  readonly dtype: string;
  readonly bytes: number;
  get(view: DataView, at: number): number;
}

const ELEMENTS: Readonly<Record<string, Element>> = {
  FloatStorage: { dtype: 'F32', bytes: 4, get: (view, at) => view.getFloat32(at, true) },
  DoubleStorage: { dtype: 'F64', bytes: 8, get: (view, at) => view.getFloat64(at, true) },
  HalfStorage: { dtype: 'F16', bytes: 2, get: (view, at) => halfToFloat(view.getUint16(at, true)) },
  BFloat16Storage: { dtype: 'BF16', bytes: 2, get: (view, at) => bfloatToFloat(view.getUint16(at, true)) },
  LongStorage: { dtype: 'I64', bytes: 8, get: (view, at) => Number(view.getBigInt64(at, true)) },
  IntStorage: { dtype: 'I32', bytes: 4, get: (view, at) => view.getInt32(at, true) },
  ShortStorage: { dtype: 'I16', bytes: 2, get: (view, at) => view.getInt16(at, true) },
  CharStorage: { dtype: 'I8', bytes: 1, get: (view, at) => view.getInt8(at) },
  ByteStorage: { dtype: 'U8', bytes: 1, get: (view, at) => view.getUint8(at) },
  BoolStorage: { dtype: 'BOOL', bytes: 1, get: (view, at) => view.getUint8(at) },
};

/**
 * Opens a .pt file through the restricted unpickler; no storage is read until its tensor is asked for.
 * @throws SalmonError `bad-file` for anything but a dictionary of tensors, or storages whose sizes contradict it.
 */
export async function openTorchFile(path: string): Promise<TorchReader> {
  const archive = await openZip(path);
  try {
    const pickles = [...archive.sizes.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    if (pickles.length !== 1) {
      throw new SalmonError('bad-file', { what: 'Not a file that torch.save wrote', where: path, expected: 'one NAME/data.pkl', got: `${pickles.length}` });
    }
    const pickle = pickles[0] as string;
    const root = pickle.slice(0, -'data.pkl'.length);
    if (archive.sizes.has(`${root}byteorder`)) {
      const order = (await readWhole(archive, `${root}byteorder`, 16)).toString('latin1').trim();
      if (order !== 'little') throw new SalmonError('unsupported', { what: 'Tensors are stored in another byte order', where: path, expected: 'little', got: order });
    }
    const top = unpickle(await readWhole(archive, pickle, MAX_PICKLE_BYTES), `${path}: data.pkl`);
    if (!(top instanceof Map)) throw new SalmonError('bad-file', { what: 'File holds no state dict', where: path, expected: 'a dictionary of tensors', got: 'something else' });
    const found = new Map<string, PickledTensor>();
    const tensors = Object.create(null) as Record<string, StoredTensor>;
    for (const [name, value] of top) {
      if (!isTensor(value)) throw new SalmonError('bad-file', { what: `Entry "${name.slice(0, 80)}" is no tensor`, where: path, expected: 'a tensor', got: 'something else' });
      checkExtent(name, value, { path, sizes: archive.sizes, root });
      found.set(name, value);
      tensors[name] = { dtype: ELEMENTS[value.storage.type]?.dtype ?? '', shape: value.shape };
    }
    return {
      tensors,
      read: async (name) => {
        const tensor = found.get(name);
        if (tensor === undefined) throw new SalmonError('bad-file', { what: `Tensor "${name}" is missing`, where: path, expected: name, got: [...found.keys()].join(', ') });
        return gather(tensor, await readWhole(archive, `${root}data/${tensor.storage.key}`, Infinity));
      },
      close: async () => archive.close(),
    };
  } catch (error) {
    archive.close();
    throw error;
  }
}

interface Place {
  readonly path: string;
  readonly sizes: ReadonlyMap<string, number>;
  readonly root: string;
}

/** The storage must be there, as long as said, and hold every element that shape, strides and offset reach. */
function checkExtent(name: string, { storage, offset, shape, strides }: PickledTensor, { path, sizes, root }: Place): void {
  const bytes = storage.elements * (ELEMENTS[storage.type]?.bytes ?? 0);
  const size = sizes.get(`${root}data/${storage.key}`);
  const refuse = (what: string, expected: string, got: string): never => {
    throw new SalmonError('bad-file', { what: `Tensor "${name.slice(0, 80)}" ${what}`, where: path, expected, got });
  };
  if (size !== bytes) refuse('has a storage of another size', `${bytes} bytes for ${storage.elements} elements`, size === undefined ? 'no storage' : `${size} bytes`);
  const count = shape.reduce((a, b) => a * b, 1);
  if (count === 0) return;
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] as number), offset);
  if (count > storage.elements || !(last < storage.elements)) refuse('reaches beyond its storage', `elements below ${storage.elements}`, `[${shape.join(', ')}] up to element ${last}`);
}

/** Elements in C order, whatever the strides. */
function gather({ storage, offset, shape, strides }: PickledTensor, bytes: Uint8Array): NdArray {
  const element = ELEMENTS[storage.type] as Element;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const index = shape.map(() => 0);
  let at = offset;
  for (let i = 0; i < data.length; i++) {
    data[i] = element.get(view, at * element.bytes);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      at += stride;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      at -= stride * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return { shape, data };
}
