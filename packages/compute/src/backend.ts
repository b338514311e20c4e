import { createRequire } from 'node:module';
import util from 'node:util';
import { tf } from './tf.js';

export interface BackendInfo {
  /** tensorflow | wasm | webgpu */
  readonly name: string;
  readonly reason: string;
}

let chosen: Promise<BackendInfo> | undefined;

/** Chooses and readies the compute backend, once per process. */
export function useBackend(): Promise<BackendInfo> {
  chosen ??= start();
  return chosen;
}

async function start(): Promise<BackendInfo> {
  const legacy = util as unknown as Record<string, unknown>;
  legacy['isNullOrUndefined'] ??= (v: unknown): boolean => v === null || v === undefined;
  legacy['isArray'] ??= Array.isArray;
  createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu');
  await tf.setBackend('tensorflow');
  return { name: tf.getBackend(), reason: 'native library found' };
}
