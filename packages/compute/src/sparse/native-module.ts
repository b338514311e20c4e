import { createRequire } from 'node:module';

/** What the native module offers besides the ops that it registers with TensorFlow. */
interface NativeModule {
  /** Registers the ops; returns undefined, or why that failed. */
  register(threads: number): string | undefined;
}

let loaded = false;

/** Whether the native sparse ops are registered in this process. */
export function nativeOpsLoaded(): boolean {
  return loaded;
}

/** Loads the native ops after the TensorFlow addon; returns undefined, or why they cannot be used. */
export function loadNativeOps(file: string, threads: number): string | undefined {
  try {
    const problem = (createRequire(import.meta.url)(file) as NativeModule).register(threads);
    loaded = problem === undefined;
    return problem;
  } catch (error) {
    return (error as Error).message;
  }
}
