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
