// Activation harvest, tokens/s, against transformers on PyTorch CPU: npm run run -- tools/bench/harvest.ts [--shape gpt2|gemma2]
//   [--batches 3] [--folder where the random model is kept] [--only f32|bf16] [--json]
// Each measurement runs in a process of its own, two threads each; PYTHON names the interpreter (default python3).
// Where a virtual machine shows AMX but does not run it, PyTorch's bfloat16 dies of SIGILL: set ONEDNN_MAX_CPU_ISA=AVX512_CORE_FP16.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { harvest, loadLanguageModel } from '@salmon-sae/activations';
import type { Precision } from '@salmon-sae/activations';
import type { ActivationBatch, TokenBatch } from '@salmon-sae/dataflow';
import { from } from 'rxjs';
import { gemma2Shape, gpt2Small, writeRandomModel } from './random-model.js';
import type { ModelShape } from './random-model.js';

interface Measurement {
  readonly engine: string;
  readonly precision: string;
  readonly tokensPerSecond: number;
  readonly loadSeconds: number;
  readonly peakMegabytes: number;
  /** Mean of the harvested values: both engines must see the same model. */
  readonly mean: number;
}

const THREADS = { OMP_NUM_THREADS: '2', TF_NUM_INTRAOP_THREADS: '2', TF_NUM_INTEROP_THREADS: '2', MKL_NUM_THREADS: '2' };

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: 'gpt2' },
    batches: { type: 'string', default: '3' },
    folder: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    measure: { type: 'string' },
  },
});
const shape: ModelShape = options.shape === 'gemma2' ? gemma2Shape : gpt2Small;
const batches = Number(options.batches);
const folder = options.folder ?? join(tmpdir(), `salmon-bench-${shape.name}`);

if (options.measure === undefined) await compare();
else process.stdout.write(`${JSON.stringify(await measure(options.measure as Precision))}\n`);

async function compare(): Promise<void> {
  await writeRandomModel(shape, folder);
  const results: Measurement[] = [];
  for (const precision of options.only === undefined ? ['f32', 'bf16'] : [options.only]) {
    results.push(await ours(precision));
    const theirs = await transformers(precision);
    if (theirs !== undefined) results.push(theirs);
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ shape: shape.name, results })}\n`);
  else {
    console.log(`${shape.name}, ${shape.rows} x ${shape.context} tokens a batch, ${batches} batches, to ${shape.hook}`);
    console.table(results);
  }
}

async function ours(precision: string): Promise<Measurement> {
  const rest = ['--shape', options.shape, '--batches', options.batches, '--folder', folder, '--measure', precision];
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, process.argv[1] as string, ...rest], { env: { ...process.env, ...THREADS } });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measurement;
}

/** The same on transformers, or undefined (with a notice) where Python has no torch or transformers. */
async function transformers(precision: string): Promise<Measurement | undefined> {
  const script = join(import.meta.dirname, 'harvest_transformers.py');
  const layer = shape.hook.split('.')[1] ?? '0';
  const { rows, context } = shape;
  const args = [script, folder, precision, layer, String(rows), String(context), String(batches)];
  try {
    const { stdout } = await promisify(execFile)(process.env['PYTHON'] ?? 'python3', args, { env: { ...process.env, ...THREADS, HF_HUB_DISABLE_PROGRESS_BARS: '1' } });
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measurement;
  } catch (error) {
    const { signal, stderr } = error as { signal?: string; stderr?: string };
    const reason = signal ?? stderr?.trim().split('\n').at(-1) ?? String(error);
    console.error(`transformers was not measured in ${precision} (set PYTHON to an interpreter with torch and transformers): ${reason}`);
    return undefined;
  }
}

async function measure(precision: Precision): Promise<Measurement> {
  const start = performance.now();
  const model = await loadLanguageModel(folder, { precision, until: shape.hook });
  const loadSeconds = (performance.now() - start) / 1000;
  const stream = Array.from({ length: batches + 1 }, (_, i) => tokens(i, model.info.vocabulary));
  const run = (batches: readonly TokenBatch[], onBatch: (batch: ActivationBatch) => void): void => {
    from(batches)
      .pipe(harvest(model, { hook: shape.hook, specials: 'include' }))
      .subscribe({
        next: onBatch,
        error: (error: unknown) => {
          throw error;
        },
      });
  };
  run(stream.slice(0, 1), () => undefined);
  let sum = 0;
  let count = 0;
  let seen = 0;
  const began = performance.now();
  run(stream.slice(1), (batch) => {
    seen += batch.rows;
    for (const value of batch.values) sum += value;
    count += batch.values.length;
  });
  const seconds = (performance.now() - began) / 1000;
  model.dispose();
  return {
    engine: 'salmon',
    precision,
    tokensPerSecond: Math.round(seen / seconds),
    loadSeconds: Math.round(loadSeconds * 10) / 10,
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
    mean: sum / count,
  };
}

/** Batch `index`; the Python script draws the same ids with the same rule. */
function tokens(index: number, vocabulary: number): TokenBatch {
  const { rows, context } = shape;
  const size = rows * context;
  const ids = Int32Array.from({ length: size }, (_, i) => ((i + index * size) * 7919 + 13) % vocabulary);
  return {
    rows,
    context,
    ids,
    mask: new Uint8Array(size).fill(1),
    special: new Uint8Array(size),
    doc: new Int32Array(size),
    docs: ['bench'],
    domains: ['bench'],
    cursor: { source: 'bench', shard: 0, row: index + 1 },
  };
}
