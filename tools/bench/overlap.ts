// Training on live text with the harvest in this process, or in one of its own: npm run run -- tools/bench/overlap.ts
//   [--model datasets/minnow] [--hook resid_post.4] [--documents 4000] [--latents 4096] [--threads 2] [--rounds 3]
// Alternately: one process on all threads, and two processes that share them half and half. Each run is a process of its own.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { parseTrainingFile, runTraining } from '@salmon-sae/pipelines';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'datasets/minnow' },
    hook: { type: 'string', default: 'resid_post.4' },
    documents: { type: 'string', default: '4000' },
    latents: { type: 'string', default: '4096' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    measure: { type: 'string' },
  },
});
const threads = Number(options.threads);
const half = Math.max(1, Math.floor(threads / 2));

if (options.measure === undefined) await compare();
else console.log(JSON.stringify(await measure(options.measure === 'two')));

async function compare(): Promise<void> {
  const seconds: { readonly one: number[]; readonly two: number[] } = { one: [], two: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const how of ['one', 'two'] as const) {
      const env = { ...process.env, SALMON_THREADS: String(how === 'one' ? threads : Math.max(1, threads - half)) };
      const args = [...process.execArgv, process.argv[1] as string, ...process.argv.slice(2), '--measure', how];
      const { stdout } = await promisify(execFile)(process.execPath, args, { env });
      seconds[how].push((JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { seconds: number }).seconds);
    }
  }
  const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] as number;
  console.table({
    [`one process, ${threads} threads`]: { median: median(seconds.one), seconds: seconds.one.join(' ') },
    [`two processes, ${Math.max(1, threads - half)} + ${half} threads`]: { median: median(seconds.two), seconds: seconds.two.join(' ') },
  });
}

/** Seconds of a whole training, set-up included, as a user waits for it. */
async function measure(apart: boolean): Promise<{ readonly seconds: number }> {
  const out = await mkdtemp(join(tmpdir(), 'salmon-overlap-'));
  try {
    const file = parseTrainingFile(
      {
        out,
        data: {
          kind: 'text',
          model: options.model,
          hook: options.hook,
          source: { kind: 'limit', documents: Number(options.documents), source: { kind: 'wordnet', part: 'broad' } },
          context: 128,
          batchRows: 32,
          reservoir: 20_000,
          batch: 1024,
          harvest: { process: apart, threads: half },
        },
        saes: [{ sae: { kind: 'jumprelu', latents: Number(options.latents), targetL0: 32 } }],
      },
      'bench',
    );
    const began = performance.now();
    await runTraining(file);
    return { seconds: Math.round((performance.now() - began) / 100) / 10 };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
