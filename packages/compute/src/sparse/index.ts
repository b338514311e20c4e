import { nativeOpsLoaded } from './native-module.js';
import { nativeSparseOps } from './native-ops.js';
import { plainSparseOps } from './plain-ops.js';
import type { SparseOps } from './sparse-ops.js';
import { webGpuSparseOps } from './webgpu-ops.js';
import { tf } from '../tf.js';

/** The fastest sparse ops of the active backend. Call after `await useBackend()`. */
export function sparseOps(): SparseOps {
  const backend = tf.getBackend();
  if (backend === 'webgpu') return webGpuSparseOps;
  return nativeOpsLoaded() && backend === 'tensorflow' ? nativeSparseOps : plainSparseOps;
}

export { nativeSparseOps } from './native-ops.js';
export { plainSparseOps } from './plain-ops.js';
export { webGpuSparseOps } from './webgpu-ops.js';
export { disposeActs } from './sparse-ops.js';
export type {
  AdamMatrix,
  AdamRowsUpdate,
  AdamStart,
  Decoder,
  OwnedTensor,
  RowGradient,
  RowTerms,
  SparseActs,
  SparseOps,
} from './sparse-ops.js';
