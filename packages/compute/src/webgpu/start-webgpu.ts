import { SalmonError } from '@salmon-sae/dataflow';
import type { BackendInfo } from '../backend/backend-info.js';
import { borrowCpuKernels, replaceKernel } from '../backend/cpu-kernels.js';
import { tf } from '../tf.js';
import { EventPump } from './event-pump.js';
import type { Gpu, WebGpuBackend } from './gpu-types.js';
import { readSynchronously } from './read-sync.js';

/** The methods through which Dawn begins work that finishes later. */
const waiting: Readonly<Record<string, readonly string[]>> = {
  GPU: ['requestAdapter'],
  GPUAdapter: ['requestDevice'],
  GPUBuffer: ['mapAsync'],
  GPUDevice: ['createComputePipelineAsync', 'createRenderPipelineAsync', 'popErrorScope'],
  GPUQueue: ['onSubmittedWorkDone'],
  GPUShaderModule: ['getCompilationInfo'],
};

const transposing = ['Transpose', 'Sum', 'Prod', 'Max', 'Min', 'All', 'Any', 'Mean', 'ArgMax', 'ArgMin'];

/** TensorFlow.js' shader that transposes declares integers as float32 and does not compile; reductions over outer axes use it too. */
function transposesIntegers(inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap): boolean {
  const x = inputs['x'] as tf.TensorInfo;
  if (x.dtype === 'float32') return false;
  const { axis } = attrs as { readonly axis?: number | number[] };
  return axis === undefined || tf.backend_util.getAxesPermutation(tf.util.parseAxisParam(axis, x.shape), x.shape.length) !== null;
}

/** Dawn on any Vulkan, Metal or D3D12 GPU, with synchronous reads and the CPU backend's kernels where its own are missing. */
export async function startWebGpu(reason: string): Promise<BackendInfo> {
  const { create, globals } = (await import('webgpu')) as unknown as { create(flags: string[]): Gpu; globals: Readonly<Record<string, { prototype: object } | undefined>> };
  Object.assign(globalThis, globals);
  const pump = new EventPump();
  for (const [name, methods] of Object.entries(waiting)) pump.adopt((globals[name] as { prototype: object }).prototype, methods);
  const gpu = create([]);
  // The choice that TensorFlow.js makes too.
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new SalmonError('engine', {
      what: 'WebGPU finds no graphics adapter',
      expected: 'a Vulkan, Metal or D3D12 driver',
      todo: 'Install the driver of your GPU, or run with SALMON_BACKEND=tensorflow',
    });
  }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  await import('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new SalmonError('engine', { what: 'The WebGPU backend did not start' });
  readSynchronously(tf.backend() as unknown as WebGpuBackend, pump);
  borrowCpuKernels('webgpu');
  for (const name of transposing) replaceKernel(name, 'webgpu', transposesIntegers);
  const description = [adapter.info.vendor, adapter.info.description || adapter.info.device].filter((part) => part !== '').join(' ');
  const gpuName = description || 'unnamed adapter';
  const notice = adapter.info.isFallbackAdapter ? { notice: `WebGPU finds no GPU and computes on the processor (${gpuName}), far slower than SALMON_BACKEND=tensorflow` } : {};
  return { name: 'webgpu', reason, fallback: false, threads: 1, nativeOps: false, gpu: gpuName, ...notice };
}
