import process from 'node:process';
import { SalmonError, isSalmonError } from '@salmon-sae/dataflow';
import { ensureEngine } from '../engine/ensure-engine.js';
import type { OnSetupProgress } from '../engine/setup-progress.js';
import type { BackendInfo, BackendName } from './backend-info.js';
import { startWebGpu } from '../webgpu/start-webgpu.js';
import { startCpu, startWasm } from './other-backends.js';
import { startTensorflow } from './tensorflow-backend.js';

export interface UseBackendOptions {
  /** Tried first; the others remain as fallbacks. `SALMON_BACKEND` outranks it. */
  readonly prefer?: BackendName;
  readonly onProgress?: OnSetupProgress;
}

const names: readonly BackendName[] = ['tensorflow', 'wasm', 'webgpu', 'cpu'];

let chosen: Promise<BackendInfo> | undefined;

/**
 * Chooses and readies the compute backend, once per process: later calls give the same answer. The native engine is set up on the way where
 * that has not happened on this machine. `SALMON_BACKEND` forces one of tensorflow, wasm, webgpu, cpu: where that one cannot run, the
 * call throws `SalmonError('engine')` instead of falling back.
 */
export function useBackend(options: UseBackendOptions = {}): Promise<BackendInfo> {
  chosen ??= choose(options);
  return chosen;
}

async function choose(options: UseBackendOptions): Promise<BackendInfo> {
  const forced = process.env['SALMON_BACKEND'];
  if (forced !== undefined && forced !== '') {
    const name = names.find((known) => known === forced);
    if (name === undefined) {
      throw new SalmonError('engine', { what: 'SALMON_BACKEND names no backend', expected: names.join(', '), got: forced });
    }
    return start(name, `forced by SALMON_BACKEND=${name}`, options).catch((cause: unknown) => {
      throw new SalmonError('engine', { what: `The backend forced by SALMON_BACKEND=${name} cannot run`, got: reasonOf(cause) }, { cause });
    });
  }
  const wanted = options.prefer ?? 'tensorflow';
  try {
    return await start(wanted, wanted === 'tensorflow' ? 'the native engine is the fastest here' : 'asked for by the caller', options);
  } catch (error) {
    if (wanted === 'wasm') throw error;
    const why = reasonOf(error);
    const info = await start('wasm', `${wanted} is not available: ${why}`, options);
    return { ...info, fallback: true, notice: `Running on WebAssembly, several times slower than the native engine, because: ${why}` };
  }
}

async function start(name: BackendName, reason: string, options: UseBackendOptions): Promise<BackendInfo> {
  switch (name) {
    case 'tensorflow': {
      const engine = await ensureEngine(options.onProgress === undefined ? {} : { onProgress: options.onProgress });
      return startTensorflow(engine, `${reason} (libtensorflow from ${engine.library.source})`);
    }
    case 'wasm':
      return startWasm(reason);
    case 'webgpu':
      return startWebGpu(reason);
    case 'cpu':
      return startCpu(reason);
  }
}

function reasonOf(error: unknown): string {
  return isSalmonError(error) ? error.message : (error as Error).message;
}
