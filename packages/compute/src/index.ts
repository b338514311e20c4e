export { tf } from './tf.js';
export { useBackend } from './backend/use-backend.js';
export type { UseBackendOptions } from './backend/use-backend.js';
export type { BackendInfo, BackendName } from './backend/backend-info.js';
export { toTensor, fromTensor } from './tensors/nd-array.js';
export { readTensor } from './tensors/read-tensor.js';
export { disposeAll } from './tensors/named-tensors.js';
export type { NamedTensors } from './tensors/named-tensors.js';
export { memoryReport } from './tensors/memory-report.js';
export type { MemoryReport } from './tensors/memory-report.js';
export { bf16MatMul, hasBf16 } from './tensors/bf16-matmul.js';
export type { MatMulOptions } from './tensors/raw-bf16.js';
export { bf16Engine, hasNativeBf16, nativeBf16Paths, packBf16, packBf16Words } from './tensors/packed-matrix.js';
export type { Bf16Engine, NativeBf16Path, PackedMatrix, PackOptions } from './tensors/packed-matrix.js';
export { fusedOps } from './tensors/fused-ops.js';
export type { FusedOps } from './tensors/fused-ops.js';
export { adam, adamDefaults, adamScalars } from './optim/adam.js';
export type { Adam, AdamConfig, AdamSlots, AdamUpdate } from './optim/adam.js';
export { clipFactor, clipGlobalNorm, globalNorm } from './optim/clip.js';
export { engineReport } from './backend/engine-report.js';
export type { EngineReport } from './backend/engine-report.js';
export { ensureEngine, forgetModules, librarySources, standingEngine } from './engine/ensure-engine.js';
export type { Engine, EnsureEngineOptions } from './engine/ensure-engine.js';
export type { OnSetupProgress, SetupProgress } from './engine/setup-progress.js';
export { cacheFolder } from './engine/cache-folder.js';
export type { ScreenPath } from './sparse/native-screen.js';
export { disposeActs, nativeSparseOps, plainSparseOps, sparseOps, webGpuSparseOps } from './sparse/index.js';
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
} from './sparse/index.js';
