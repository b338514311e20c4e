/** Run by webgpu.test.ts in a process of its own: queues an invalid command and prints what the next read says. */
import type { tf } from '../src/index.js';
import { useBackend } from '../src/index.js';
import { run, uninitialised } from '../src/webgpu/kernel.js';

await useBackend();
const out = uninitialised<tf.Rank.R1>([1], 'float32');
run({ name: 'broken', reads: {}, writes: { out: 'f32' }, parameters: {}, threads: 1, body: 'out[0] = nothing;' }, { tensors: { out }, groups: 1 });
try {
  process.stdout.write(`read ${out.dataSync()[0]}`);
} catch (error) {
  process.stdout.write((error as Error).message);
}
