import { createRequire } from 'node:module';
import path from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import type { BackendInfo } from './backend-info.js';
import { borrowCpuKernels } from './cpu-kernels.js';

const require = createRequire(import.meta.url);

/** WebAssembly with SIMD: runs everywhere, several times slower than native. */
export async function startWasm(reason: string): Promise<BackendInfo> {
  const wasm = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(prefix: string): void };
  wasm.setWasmPaths(path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + path.sep);
  if (!(await tf.setBackend('wasm'))) throw new SalmonError('engine', { what: 'The WebAssembly backend did not start' });
  borrowCpuKernels('wasm');
  return { name: 'wasm', reason, fallback: false, threads: 1, nativeOps: false };
}

/** Plain JavaScript: the reference of last resort, for debugging. */
export async function startCpu(reason: string): Promise<BackendInfo> {
  (tf.engine().findBackend('cpu') as unknown as { firstUse: boolean }).firstUse = false;
  await tf.setBackend('cpu');
  return { name: 'cpu', reason, fallback: false, threads: 1, nativeOps: false };
}

interface Gpu {
  requestAdapter(options?: { readonly powerPreference?: string }): Promise<{ readonly info?: { readonly vendor: string; readonly description: string; readonly device: string } } | null>;
}

/** Dawn on any Vulkan, Metal or D3D12 GPU. Tensors can only be read asynchronously (`await tensor.data()`) on it. */
export async function startWebGpu(reason: string): Promise<BackendInfo> {
  const { create, globals } = (await import('webgpu')) as unknown as { create(flags: string[]): Gpu; globals: object };
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) {
    throw new SalmonError('engine', {
      what: 'WebGPU finds no graphics adapter',
      expected: 'a Vulkan, Metal or D3D12 driver',
      todo: 'Install the driver of your GPU, or run with SALMON_BACKEND=tensorflow',
    });
  }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  require('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new SalmonError('engine', { what: 'The WebGPU backend did not start' });
  const description = [adapter.info?.vendor, adapter.info?.description ?? adapter.info?.device].filter((part) => part !== undefined && part !== '').join(' ');
  return { name: 'webgpu', reason, fallback: false, threads: 1, nativeOps: false, gpu: description || 'unnamed adapter' };
}
