/** Run by backend.test.ts in a process of its own: starts the backend, computes a little, prints one JSON object. */
import { bf16MatMul, sparseOps, tf, useBackend } from '../src/index.js';

try {
  const info = await useBackend();
  const a = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  const sparse = sparseOps().kind;
  // Erf is missing on WebAssembly's list of some versions, UnsortedSegmentSum on others; all must run everywhere.
  const values: Record<string, number[]> = {
    matMul: Array.from(await tf.matMul(a, a).data()),
    bf16: Array.from(await bf16MatMul(a, a, { transposeB: true }).data()),
    segments: Array.from(await tf.unsortedSegmentSum(a, tf.tensor1d([1, 1], 'int32'), 2).data()),
    erf: Array.from(await tf.erf(a).data()),
    gradient: Array.from(await (tf.grad((x) => tf.sum(tf.square(x)))(a) as tf.Tensor).data()),
    topk: Array.from(await tf.topk(a, 1).values.data()),
    modulo: Array.from(await tf.mod(a, tf.scalar(3)).data()),
    diagonal: Array.from(await tf.diag(tf.tensor1d([5, 6])).data()),
  };
  process.stdout.write(JSON.stringify({ info, values, sparse }));
} catch (error) {
  process.stdout.write(JSON.stringify({ error: (error as Error).message, code: (error as { code?: string }).code }));
}
