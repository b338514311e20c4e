export type BackendName = 'tensorflow' | 'wasm' | 'webgpu' | 'cpu';

/** Which compute backend runs and why. */
export interface BackendInfo {
  readonly name: BackendName;
  /** Why this one. */
  readonly reason: string;
  /** Whether a better backend was wanted and could not be had. */
  readonly fallback: boolean;
  /** One sentence for the user, where something is not as it should be. */
  readonly notice?: string;
  /** Version of libtensorflow. */
  readonly libtensorflow?: string;
  /** CPU threads used; 1 on wasm, because its threads are off under Node. */
  readonly threads: number;
  /** Whether the native sparse ops are loaded. */
  readonly nativeOps: boolean;
  /** Name of the GPU in use. */
  readonly gpu?: string;
}
