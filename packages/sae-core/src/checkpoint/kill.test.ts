import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, defaultServerConditions } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/*
 * Checkpoints against SIGKILL: a run killed at several moments, also while a checkpoint is being written, ends with the same bytes
 * as one that nobody disturbed.
 */
const packageFolder = join(import.meta.dirname, '../..');

let folder = '';
let bundle = '';
let program = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'salmon-kill-'));
  // Bundled once, because compiling TypeScript in every child takes longer than its training. It has to lie where its dependencies resolve.
  const modules = join(packageFolder, 'node_modules');
  await mkdir(modules, { recursive: true });
  bundle = await mkdtemp(join(modules, '.kill-'));
  program = join(bundle, 'train-child.mjs');
  await build({
    root: packageFolder,
    configFile: false,
    logLevel: 'silent',
    ssr: { noExternal: [/^@salmon-sae/], resolve: { conditions: ['@salmon-sae/source', ...defaultServerConditions] } },
    build: {
      ssr: join(packageFolder, 'test/children/train-child.ts'),
      outDir: bundle,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { entryFileNames: 'train-child.mjs' } },
    },
  });
});
afterAll(async () => {
  for (const made of [folder, bundle]) if (made !== '') await rm(made, { recursive: true, force: true });
});

interface Outcome {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly firstStep: number;
}

/** Runs the child; kills it `delay` ms after it says that it begins step `killAt`. */
function run(checkpoints: string, result: string, kill?: { readonly at: number; readonly delay: number }): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const own = spawn(process.execPath, [program, checkpoints, result], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let errors = '';
    own.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    own.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      if (kill !== undefined && text.includes(`step ${kill.at}\n`)) setTimeout(() => own.kill('SIGKILL'), kill.delay);
    });
    own.on('error', reject);
    own.on('close', (code, signal) => {
      if (signal === null && code !== 0) reject(new Error(errors));
      else resolve({ signal, code, firstStep: Number(/step (\d+)/.exec(text)?.[1] ?? 0) });
    });
  });
}

describe('a run that is killed', () => {
  it('ends with the same bytes as one that is not', async () => {
    await run(join(folder, 'whole'), join(folder, 'whole.hash'));
    const expected = await readFile(join(folder, 'whole.hash'), 'utf8');

    const checkpoints = join(folder, 'killed');
    const result = join(folder, 'killed.hash');
    const starts: number[] = [];
    for (const kill of [
      { at: 8, delay: 3 },
      { at: 20, delay: 9 },
      { at: 33, delay: 1 },
    ]) {
      const { signal, firstStep } = await run(checkpoints, result, kill);
      expect(signal).toBe('SIGKILL');
      starts.push(firstStep);
    }
    expect(existsSync(result)).toBe(false);
    starts.push((await run(checkpoints, result)).firstStep);
    expect(await readFile(result, 'utf8')).toBe(expected);
    // It did go on rather than begin again.
    expect(starts[0]).toBe(1);
    expect(starts.at(-1)).toBeGreaterThan(1);
    // Pruned: the two newest whole checkpoints at most.
    const left = (await readdir(checkpoints)).filter((name) => /^step-\d{9}$/.test(name));
    expect(left.length).toBeLessThanOrEqual(2);
    expect(left).toContain('step-000000040');
  }, 120_000);
});
