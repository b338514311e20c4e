// Writes the activations and starting weights of one shape: node tools/ts-node.mjs tools/bench/make-file.ts d F B file
import { useBackend } from '@salmon-sae/compute';
import { writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import { activations, decoderRows, steadyThreshold } from './bench-data.js';

const [d, F, B] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const file = process.argv[5] as string;
const batches = 4;

await useBackend();
const x = activations(d, batches * B);
const rows = decoderRows(F, d);
await writeSafetensors(file, {
  activations: { shape: [batches * B, d], data: x },
  W_dec: { shape: [F, d], data: rows },
  threshold: { shape: [1], data: Float32Array.of(steadyThreshold(x, rows, d)) },
});
