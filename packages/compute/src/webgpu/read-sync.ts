import { SalmonError } from '@salmon-sae/dataflow';
import type { EventPump } from './event-pump.js';
import { dropFreeBuffers } from './free-buffers.js';
import type { WebGpuBackend } from './gpu-types.js';
import { mapForReading, usage } from './gpu-types.js';

/** Turns of the pump without pause; after these the thread sleeps between turns, so that a driver computing on the CPU has the core. */
const BUSY_TURNS = 200;
const NAP_MS = 0.05;

/** Reads GPU memory of a tensor, waiting for the work that fills it. */
export class SyncReader {
  #failure: string | undefined;
  readonly #nap = new Int32Array(new SharedArrayBuffer(4));

  constructor(
    readonly backend: WebGpuBackend,
    readonly pump: EventPump,
  ) {
    // Dawn reports an invalid command after the call that queued it; whatever was computed with it is void.
    backend.device.onuncapturederror = ({ error }) => (this.#failure ??= error.message);
  }

  /** `count` 4-byte elements from element `from`. */
  read(id: object, from: number, count: number): ArrayBuffer {
    const { backend } = this;
    backend.uploadToGPU(id);
    const source = backend.tensorMap.get(id).resource;
    if (source === null || source === undefined) throw new SalmonError('engine', { what: 'A tensor has no memory on the GPU' });
    const bytes = count * 4;
    const staging = backend.bufferManager.acquireBuffer(bytes, usage.copyTarget | usage.mapRead);
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.commandEncoder?.copyBufferToBuffer(source, from * 4, staging, 0, bytes);
    backend.submitQueue();
    dropFreeBuffers(backend.bufferManager);
    staging.mapAsync(mapForReading).catch((error: unknown) => (this.#failure ??= (error as Error).message));
    this.#wait(() => staging.mapState !== 'pending');
    if (staging.mapState !== 'mapped' || this.#failure !== undefined) {
      throw new SalmonError('engine', { what: 'The GPU failed', got: this.#failure ?? 'the GPU was lost', todo: 'If memory ran out, use smaller batches or fewer latents' });
    }
    const values = staging.getMappedRange().slice(0);
    staging.unmap();
    backend.bufferManager.releaseBuffer(staging);
    return values;
  }

  #wait(isDone: () => boolean): void {
    for (let turns = 0; !isDone(); turns++) {
      if (!this.pump.turn()) throw new SalmonError('engine', { what: 'Dawn no longer reports finished work through setImmediate', expected: 'the npm package webgpu at the version salmon pins' });
      if (turns > BUSY_TURNS) Atomics.wait(this.#nap, 0, 0, NAP_MS);
    }
  }
}

let reader: SyncReader | undefined;

/** Gives TensorFlow.js' WebGPU backend synchronous reads, which it has only in browsers. */
export function readSynchronously(backend: WebGpuBackend, pump: EventPump): void {
  const own = new SyncReader(backend, pump);
  reader = own;
  const inBrowsers = backend.readSync.bind(backend);
  backend.readSync = (id) => {
    const { values, dtype, resource } = backend.tensorMap.get(id);
    if (resource === null || resource === undefined || (values !== null && values !== undefined) || dtype === 'complex64') return inBrowsers(id);
    const words = own.read(id, 0, resource.size / 4);
    if (dtype === 'float32') return new Float32Array(words);
    const integers = new Int32Array(words);
    return dtype === 'bool' ? Uint8Array.from(integers) : integers;
  };
}

/** Unsigned integers of a tensor on the GPU, without reading the rest. */
export function readWords(id: object, from: number, count: number): Uint32Array {
  if (reader === undefined) throw new SalmonError('engine', { what: 'The WebGPU backend is not running' });
  return new Uint32Array(reader.read(id, from, count));
}
