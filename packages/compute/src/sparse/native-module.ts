import { createRequire } from 'node:module';
import { rawBackend } from '../tensors/raw-op.js';

/** What the native module offers besides the ops that it registers with TensorFlow. */
interface NativeModule {
  /** Registers the ops; returns undefined, or why that failed. */
  register(threads: number): string | undefined;
  /** Whether the processor has instructions that make screening cheaper than the float32 product. */
  canScreen(): boolean;
}

let loaded = false;
let screens = false;

/** Whether the native sparse ops are registered in this process. */
export function nativeOpsLoaded(): boolean {
  return loaded;
}

/** Whether native ops on dense tensors serve: TensorFlow computes on the processor, where those tensors lie. */
export function nativeOpsOnProcessor(): boolean {
  return loaded && rawBackend()?.isUsingGpuDevice === false;
}

/** Whether products can be screened in low precision on this processor. */
export function nativeScreen(): boolean {
  return screens;
}

/** Loads the native ops after the TensorFlow addon; returns undefined, or why they cannot be used. */
export function loadNativeOps(file: string, threads: number): string | undefined {
  try {
    const module = createRequire(import.meta.url)(file) as NativeModule;
    const problem = module.register(threads);
    loaded = problem === undefined;
    screens = loaded && module.canScreen();
    return problem;
  } catch (error) {
    return (error as Error).message;
  }
}
