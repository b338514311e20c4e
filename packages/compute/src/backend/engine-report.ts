import { readFileSync } from 'node:fs';
import { readdir, stat, statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { cacheFolder } from '../engine/cache-folder.js';
import { gpuName } from '../engine/gpu.js';
import { screenPaths } from '../sparse/native-screen.js';
import type { ScreenPath } from '../sparse/native-screen.js';
import { bf16Engine } from '../tensors/packed-matrix.js';
import type { Bf16Engine } from '../tensors/packed-matrix.js';
import type { BackendInfo } from './backend-info.js';
import { useBackend } from './use-backend.js';

/** Everything `salmon doctor` says about the engine. */
export interface EngineReport {
  readonly backend: BackendInfo;
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly cpu: string;
  /** What multiplies bfloat16 matrices. */
  readonly bf16: Bf16Engine;
  /** How encoders are screened in place of their float32 product; absent where they are not. */
  readonly screen?: ScreenPath;
  /** Name of the NVIDIA GPU, whether or not the backend uses it. */
  readonly gpu?: string;
  readonly cache: { readonly folder: string; readonly parts: readonly { readonly name: string; readonly bytes: number }[]; readonly bytes: number };
  readonly disk: { readonly folder: string; readonly freeBytes: number };
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number };
}

/** Starts the backend (as `useBackend`) and reports on it, the cache and the machine. */
export async function engineReport(): Promise<EngineReport> {
  const backend = await useBackend();
  const folder = cacheFolder();
  const names = await readdir(folder).catch(() => [] as string[]);
  const parts = await Promise.all(names.map(async (name) => ({ name, bytes: await bytesBelow(path.join(folder, name)) })));
  const gpu = gpuName();
  const screen = backend.nativeOps ? screenPaths().used : undefined;
  const disk = await nearestExisting(folder);
  const { bavail, bsize } = await statfs(disk);
  return {
    backend,
    versions: versions(backend),
    threads: backend.threads,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    bf16: bf16Engine(),
    ...(screen === undefined ? {} : { screen }),
    ...(gpu === undefined ? {} : { gpu }),
    cache: { folder, parts, bytes: parts.reduce((sum, part) => sum + part.bytes, 0) },
    disk: { folder: disk, freeBytes: bavail * bsize },
    memory: { totalBytes: os.totalmem(), freeBytes: os.freemem() },
  };
}

function versions(backend: BackendInfo): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const of = (name: string): string => (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string }).version;
  return {
    node: process.versions.node,
    '@tensorflow/tfjs': of('@tensorflow/tfjs'),
    '@tensorflow/tfjs-node-gpu': of('@tensorflow/tfjs-node-gpu'),
    ...(backend.libtensorflow === undefined ? {} : { libtensorflow: backend.libtensorflow }),
    ...(backend.name === 'webgpu' ? { '@tensorflow/tfjs-backend-webgpu': of('@tensorflow/tfjs-backend-webgpu'), webgpu: of('webgpu') } : {}),
  };
}

async function bytesBelow(entry: string): Promise<number> {
  const info = await stat(entry).catch(() => undefined);
  if (info === undefined) return 0;
  if (!info.isDirectory()) return info.size;
  const names = await readdir(entry, { recursive: true }).catch(() => [] as string[]);
  const sizes = await Promise.all(names.map((name) => stat(path.join(entry, name)).then((s) => (s.isFile() ? s.size : 0), () => 0)));
  return sizes.reduce((sum, n) => sum + n, 0);
}

async function nearestExisting(folder: string): Promise<string> {
  let at = folder;
  while (!(await stat(at).then(() => true, () => false)) && path.dirname(at) !== at) at = path.dirname(at);
  return at;
}
