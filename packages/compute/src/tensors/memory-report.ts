import { tf } from '../tf.js';

export interface MemoryReport {
  readonly tensors: number;
  /** Bytes held by live tensors. */
  readonly tensorBytes: number;
  /** Resident set size of the process, bytes. */
  readonly residentBytes: number;
  /** Highest resident set size so far, bytes. */
  readonly peakBytes: number;
}

export function memoryReport(): MemoryReport {
  const { numTensors, numBytes } = tf.memory();
  return {
    tensors: numTensors,
    tensorBytes: numBytes,
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}
