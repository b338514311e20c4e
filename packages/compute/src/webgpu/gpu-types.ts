import type { tf } from '../tf.js';

/** The part of WebGPU used here (https://www.w3.org/TR/webgpu); flags are the specification's numbers. */
export interface GpuBuffer {
  readonly size: number;
  readonly mapState: 'unmapped' | 'pending' | 'mapped';
  mapAsync(mode: number, offset?: number, size?: number): Promise<void>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

export interface GpuPipeline {
  readonly label: string;
}

export interface GpuBindGroupLayout {
  readonly label: string;
}

export interface GpuComputePass {
  setPipeline(pipeline: GpuPipeline): void;
  setBindGroup(index: number, group: object): void;
  dispatchWorkgroups(x: number, y: number, z: number): void;
}

export interface GpuCommandEncoder {
  beginComputePass(): GpuComputePass;
  copyBufferToBuffer(source: GpuBuffer, sourceOffset: number, target: GpuBuffer, targetOffset: number, size: number): void;
}

export interface GpuDevice {
  createBuffer(descriptor: { readonly size: number; readonly usage: number }): GpuBuffer;
  createShaderModule(descriptor: { readonly code: string; readonly label: string }): object;
  createBindGroupLayout(descriptor: object): GpuBindGroupLayout;
  createPipelineLayout(descriptor: { readonly bindGroupLayouts: readonly GpuBindGroupLayout[] }): object;
  createComputePipeline(descriptor: object): GpuPipeline;
  createBindGroup(descriptor: object): object;
  onuncapturederror: ((event: { readonly error: { readonly message: string } }) => void) | null;
}

export interface GpuAdapter {
  /** `isFallbackAdapter`: a driver that computes on the processor. */
  readonly info: { readonly vendor: string; readonly description: string; readonly device: string; readonly isFallbackAdapter: boolean };
}

export interface Gpu {
  requestAdapter(options?: { readonly powerPreference?: string }): Promise<GpuAdapter | null>;
}

interface TensorData {
  resource?: GpuBuffer | null;
  values?: ArrayLike<number> | null;
  readonly dtype: tf.DataType;
}

/** Buffers of TensorFlow.js, in use and free for reuse by size and usage. */
export interface BufferPool {
  readonly freeBuffers: Map<string, GpuBuffer[]>;
  readonly numBytesUsed: number;
  numBytesAllocated: number;
  numFreeBuffers: number;
  acquireBuffer(size: number, usage: number): GpuBuffer;
  releaseBuffer(buffer: GpuBuffer): void;
}

/** The part of TensorFlow.js' WebGPU backend used here; its type declarations hide most of it. */
export interface WebGpuBackend {
  readonly device: GpuDevice;
  readonly tensorMap: { get(id: object): TensorData };
  readonly bufferManager: BufferPool;
  readonly commandQueueOwnedIds: { add(id: object): void };
  commandEncoder: GpuCommandEncoder | null;
  computePassEncoder: GpuComputePass | null;
  dispatchCountInPass: number;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(id: object): void;
  makeTensorInfo(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  makeUniforms(fields: readonly { readonly type: 'float32' | 'int32' | 'uint32'; readonly data: readonly number[] }[]): { readonly buffer: GpuBuffer };
  readSync(id: object): ArrayLike<number>;
}

export const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8 } as const;
export const mapForReading = 0x1;
export const visibleToCompute = 0x4;
