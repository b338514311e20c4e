import { tf } from '@salmon-sae/compute';

/** Runs synchronous work and frees every tensor it made and did not keep; for results that are no tensors (those need `tf.tidy`). */
export function scoped<T>(work: () => T): T {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}
