import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { SalmonError } from '@salmon-sae/dataflow';
import { inspectLibraries, readDescription, writeDescription } from './libtensorflow.js';
import { neededBytesGpu, tensorflowVersion } from './pinned.js';
import { lastLines, runCommand } from './run-command.js';
import type { LibrarySource } from './sources.js';
import { stageMeter } from './setup-progress.js';
import { stageFolder } from './staging.js';

let known: string | null | undefined;

/** Name of the first NVIDIA GPU, or undefined. `SALMON_GPU=0` hides it. */
export function gpuName(): string | undefined {
  if (process.env['SALMON_GPU'] === '0') return undefined;
  if (known === undefined) {
    const result = spawnSync('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], { encoding: 'utf8', timeout: 10_000 });
    known = result.status === 0 && result.stdout.trim() !== '' ? (result.stdout.trim().split('\n')[0] ?? null) : null;
  }
  return known ?? undefined;
}

export function gpuPresent(): boolean {
  return gpuName() !== undefined;
}

/**
 * TensorFlow's GPU wheel with its CUDA companions (about 3 GB), laid out as pip would install them, because the library finds CUDA
 * beside itself. Used where an NVIDIA GPU is present; `SALMON_GPU=0` keeps to the CPU wheel.
 */
export function gpuWheel(options: { readonly cachedOnly?: boolean } = {}): LibrarySource {
  return {
    name: 'the TensorFlow GPU wheel through pip',
    find: async (context) => {
      const target = path.join(context.folder, `${tensorflowVersion}-gpu`);
      const description = path.join(target, 'salmon.json');
      const described = await readDescription(description);
      if (described !== undefined || options.cachedOnly === true || process.platform !== 'linux') return described;
      await stageFolder(target, async (staging) => {
        await needSpace(context.folder);
        await install(staging, context.onProgress);
        for (const name of await readdir(staging)) {
          if (name !== 'tensorflow' && name !== 'nvidia') await rm(path.join(staging, name), { recursive: true, force: true });
        }
        const facts = { version: tensorflowVersion, source: `the tensorflow ${tensorflowVersion} GPU wheel`, gpu: true };
        const staged = await inspectLibraries(path.join(staging, 'tensorflow'), facts);
        if (staged === undefined) throw new SalmonError('bad-file', { what: 'The TensorFlow GPU wheel lacks the native libraries' });
        const moved = (file: string): string => path.join(target, path.relative(staging, file));
        await writeDescription(path.join(staging, 'salmon.json'), { ...staged, library: moved(staged.library), framework: moved(staged.framework), include: moved(staged.include) });
      });
      return readDescription(description);
    },
  };
}

async function install(staging: string, onProgress: Parameters<LibrarySource['find']>[0]['onProgress']): Promise<void> {
  const meter = stageMeter('installing the TensorFlow GPU wheel with pip (about 3 GB)', 'steps', { ...(onProgress === undefined ? {} : { onProgress }) });
  const began = Date.now();
  const watch = setInterval(() => meter.at(Math.round((Date.now() - began) / 1000)), 1000);
  const temporary = path.join(staging, 'pip');
  await mkdir(temporary);
  try {
    const python = process.env['SALMON_PYTHON'] ?? 'python3';
    const flags = ['--only-binary=:all:', '--no-cache-dir', '--disable-pip-version-check', '--progress-bar', 'off', '--no-warn-conflicts'];
    const tags = ['--implementation', 'cp', '--python-version', '3.11', '--platform', 'manylinux_2_27_x86_64', '--platform', 'manylinux2014_x86_64'];
    const result = await runCommand(python, ['-m', 'pip', 'install', '--target', staging, ...flags, ...tags, `tensorflow[and-cuda]==${tensorflowVersion}`], {
      env: { TMPDIR: temporary, PIP_NO_INPUT: '1' },
    });
    if (result.status !== 0) throw new SalmonError('network', { what: 'pip could not install the TensorFlow GPU wheel', got: lastLines(result.stderr) });
  } finally {
    clearInterval(watch);
  }
}

async function needSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= neededBytesGpu) return;
  throw new SalmonError('no-space', { what: 'Too little room on the disk for the TensorFlow GPU wheel', where: folder, expected: `${neededBytesGpu / 1e9} GB free` });
}
