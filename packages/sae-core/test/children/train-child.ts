/**
 * A training run in a process of its own, to be killed: `train-child.ts <checkpoint folder> <result file>`. Goes on from the newest
 * checkpoint, prints `step N` after each step, and writes the hash of everything it learnt to the result file.
 */
import { useBackend } from '@salmon-sae/compute';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { CheckpointStore, batchTopK, jumprelu, train } from '../../src/index.js';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Observable } from 'rxjs';

const [folder, result] = process.argv.slice(2) as [string, string];
const WIDTH = 32;
const ROWS = 32;
const STEPS = 40;

function batchAt(index: number): ActivationBatch {
  const generator = random(3, 'child', index);
  const none = new Int32Array(ROWS);
  return {
    site: { model: 'planted', hook: 'resid_post.0', width: WIDTH },
    rows: ROWS,
    values: Float32Array.from({ length: ROWS * WIDTH }, (_, i) => generator.normal() * (1 + (i % 5))),
    origin: { tokenId: none, position: none, doc: none, docs: ['d'], domains: ['x'] },
    cursor: { source: 'planted', shard: 0, row: (index + 1) * ROWS },
  };
}

/** One batch per turn of the event loop, from a row on. */
function batches(fromRow: number): Observable<ActivationBatch> {
  return new Observable((subscriber) => {
    let index = fromRow / ROWS;
    let timer: NodeJS.Timeout | undefined;
    const turn = (): void => {
      if (subscriber.closed) return;
      process.stdout.write(`step ${index + 1}\n`);
      subscriber.next(batchAt(index++));
      timer = setTimeout(turn, 4);
    };
    turn();
    return () => clearTimeout(timer);
  });
}

await useBackend();
const checkpoints = await CheckpointStore.open(folder, { everySteps: 4, keep: 2, data: { source: 'planted' } });
const specs = [
  { id: 'jump', sae: jumprelu({ latents: 256, targetL0: 8 }), training: { resampleEvery: 9, deadAfter: 200 } },
  { id: 'batch', sae: batchTopK({ latents: 256, k: 6 }), training: { deadAfter: 150, seed: 4 } },
];
const states: unknown[] = [];
batches(checkpoints.cursor?.row ?? 0)
  .pipe(train(specs, { checkpoints, training: { steps: STEPS, batch: ROWS, learningRate: 1e-3, normalizeBatches: 3, logEvery: 10 } }))
  .subscribe({
    next: (event) => {
      if (event.kind !== 'done') return;
      const weights = Object.entries(event.state.weights).map(([name, w]) => [name, Buffer.from(w.data.buffer, w.data.byteOffset, w.data.byteLength).toString('base64')]);
      states.push([event.sae, event.state.scale, event.state.config, event.state.trained.steps, weights]);
    },
    error: (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exitCode = 1;
    },
    complete: () => {
      states.sort();
      void writeFile(result, createHash('sha256').update(JSON.stringify(states)).digest('hex'));
    },
  });
