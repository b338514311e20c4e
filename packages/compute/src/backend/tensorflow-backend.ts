import { createRequire } from 'node:module';
import process from 'node:process';
import type { Engine } from '../engine/ensure-engine.js';
import { gpuName } from '../engine/gpu.js';
import { loadNativeOps } from '../sparse/native-module.js';
import { rawBackend } from '../tensors/raw-op.js';
import { tf } from '../tf.js';
import type { BackendInfo } from './backend-info.js';
import { addLegacyUtil, prepareEnvironment, threadCount } from './environment.js';

const require = createRequire(import.meta.url);

interface MuteModule {
  mute(): void;
  unmute(): void;
}

/** Loads a set-up engine into this process. */
export async function startTensorflow(engine: Engine, reason: string): Promise<BackendInfo> {
  const threads = threadCount();
  prepareEnvironment(threads);
  addLegacyUtil();
  const opsProblem = quietly(engine, () => {
    require('@tensorflow/tfjs-node-gpu');
    return engine.ops === undefined ? engine.opsReason : loadNativeOps(engine.ops, threads);
  });
  await tf.setBackend('tensorflow');
  const gpu = rawBackend()?.isUsingGpuDevice === true ? gpuName() : undefined;
  return {
    name: 'tensorflow',
    reason,
    fallback: false,
    libtensorflow: rawBackend()?.binding.TF_Version ?? engine.library.version,
    threads,
    nativeOps: opsProblem === undefined,
    ...(gpu === undefined ? {} : { gpu }),
    ...(opsProblem === undefined ? {} : { notice: `The native sparse ops are not in use (${opsProblem}); training and encoding run the slower TensorFlow.js path` }),
  };
}

function quietly<T>(engine: Engine, work: () => T): T {
  if (engine.mute === undefined || process.env['TF_CPP_MIN_LOG_LEVEL'] === '0') return work();
  const module = require(engine.mute) as MuteModule;
  module.mute();
  try {
    return work();
  } finally {
    module.unmute();
  }
}
