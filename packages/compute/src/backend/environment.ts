import { readFileSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import util from 'node:util';
import { SalmonError } from '@salmon-sae/dataflow';

/** CPU threads to use: `SALMON_THREADS`, else every core this process may run on. */
export function threadCount(): number {
  const text = process.env['SALMON_THREADS'];
  if (text === undefined || text === '') return os.availableParallelism();
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new SalmonError('bad-config', { what: 'SALMON_THREADS is not a number of threads', expected: 'a whole number from 1 to 1024', got: text });
  }
  return threads;
}

/** Sets what TensorFlow reads from the environment while it loads. Values the user has set are kept. */
export function prepareEnvironment(threads: number): void {
  const set = (name: string, value: string): void => {
    process.env[name] ??= value;
  };
  set('TF_CPP_MIN_LOG_LEVEL', '2');
  set('TF_NUM_INTRAOP_THREADS', String(threads));
  // Eager ops run one after another: more inter-op threads only wait.
  set('TF_NUM_INTEROP_THREADS', '1');
  // oneDNN in TensorFlow 2.21 runs AMX tile instructions on pool threads without loading a tile configuration there:
  // a bfloat16 product of ordinary size ends the process with SIGILL. One level below AMX is safe.
  if (hasAmx()) set('ONEDNN_MAX_CPU_ISA', 'AVX512_CORE_FP16');
}

/** util functions that tfjs-node calls and Node 23 dropped. */
export function addLegacyUtil(): void {
  const legacy = util as unknown as Record<string, unknown>;
  legacy['isNullOrUndefined'] ??= (value: unknown): boolean => value === null || value === undefined;
  legacy['isArray'] ??= Array.isArray;
}

function hasAmx(): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  try {
    return /\bamx_tile\b/.test(readFileSync('/proc/cpuinfo', 'utf8').slice(0, 8192));
  } catch {
    return false; // no /proc: nothing known, nothing set
  }
}
