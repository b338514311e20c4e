import type { BufferPool } from './gpu-types.js';

/** Bytes that may lie free for reuse beside as many as are in use. */
const SPARE_BYTES = 256e6;

/**
 * Destroys the buffers that TensorFlow.js keeps for reuse once they outweigh those in use. It keeps every size ever freed, and the numbers of
 * active entries differ from step to step: without this, training would fill the GPU's memory with buffers of sizes that never come again.
 */
export function dropFreeBuffers(pool: BufferPool): void {
  if (pool.numBytesAllocated - pool.numBytesUsed <= Math.max(SPARE_BYTES, pool.numBytesUsed)) return;
  for (const [key, buffers] of pool.freeBuffers) {
    for (const buffer of buffers) {
      pool.numBytesAllocated -= buffer.size;
      pool.numFreeBuffers--;
      buffer.destroy();
    }
    // The keys stay: the pool takes nothing back while it has none.
    pool.freeBuffers.set(key, []);
  }
}
