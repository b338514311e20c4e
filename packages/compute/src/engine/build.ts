import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Libtensorflow } from './libtensorflow.js';
import { lastLines, runCommand } from './run-command.js';
import type { OnSetupProgress } from './setup-progress.js';
import { stageMeter } from './setup-progress.js';
import { stageFolder } from './staging.js';

const require = createRequire(import.meta.url);

const muteSource = 'mute.cc';

/** The compiled native modules of one combination of sources and libtensorflow. */
export interface NativeModules {
  /** @tensorflow/tfjs-node-gpu's addon. */
  readonly addon: string;
  /** The sparse ops; absent where they did not compile, and then `opsReason` says why. */
  readonly ops?: string;
  readonly opsReason?: string;
  /** Silences stderr while the library loads; absent where it did not compile. */
  readonly mute?: string;
}

interface BuildRecord {
  readonly addonBytes: number;
  readonly mute: boolean;
  readonly opsBytes?: number;
  readonly opsReason?: string;
}

export interface BuildRequest {
  /** <cache>/addons */
  readonly folder: string;
  /** Folder of @tensorflow/tfjs-node-gpu. */
  readonly engine: string;
  readonly library: Libtensorflow;
  /** Folder of the sparse ops' sources. */
  readonly native: string;
  readonly force?: boolean;
  readonly onProgress?: OnSetupProgress;
}

/** The sparse ops' sources, beside `src` and `dist` alike. */
export function nativeSources(): string {
  return fileURLToPath(new URL('../../native', import.meta.url));
}

/** The modules built earlier for this very request, if any. */
export async function builtModules(request: BuildRequest): Promise<NativeModules | undefined> {
  return readRecord(path.join(request.folder, buildKey(request)));
}

/** Compiles the addon and the sparse ops (about 20 CPU seconds) into a folder named by everything they depend on. */
export async function buildModules(request: BuildRequest): Promise<NativeModules> {
  const target = path.join(request.folder, buildKey(request));
  const meter = stageMeter('compiling the native modules', 'steps', { total: 2, ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }) });
  await stageFolder(target, async (staging) => {
    const [addonBytes, ops, mute] = await Promise.all([
      compileAddon(request, path.join(staging, 'tfjs_binding.node')).finally(() => meter.add(1)),
      compileOps(request, path.join(staging, 'salmon_ops.node')).finally(() => meter.add(1)),
      compileMute(request, path.join(staging, 'salmon_mute.node')),
    ]);
    const record: BuildRecord = { addonBytes, mute, ...ops };
    await writeFile(path.join(staging, 'salmon.json'), `${JSON.stringify(record)}\n`);
  });
  const built = await readRecord(target);
  if (built === undefined) throw new SalmonError('engine', { what: 'The compiled modules vanished', where: target });
  return built;
}

async function readRecord(folder: string): Promise<NativeModules | undefined> {
  const addon = path.join(folder, 'tfjs_binding.node');
  const ops = path.join(folder, 'salmon_ops.node');
  try {
    const record = JSON.parse(await readFile(path.join(folder, 'salmon.json'), 'utf8')) as BuildRecord;
    if ((await stat(addon)).size !== record.addonBytes) return undefined;
    const always = { addon, ...(record.mute ? { mute: path.join(folder, 'salmon_mute.node') } : {}) };
    if (record.opsBytes === undefined) return { ...always, opsReason: record.opsReason ?? 'not built' };
    return (await stat(ops)).size === record.opsBytes ? { ...always, ops } : undefined;
  } catch {
    return undefined; // no record, or files gone: not built
  }
}

async function compileAddon(request: BuildRequest, output: string): Promise<number> {
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => path.join(request.engine, 'binding', name));
  const failure = await compile(['-O2', '-DNAPI_VERSION=8', '-w', `-I${path.dirname(request.engine)}`, ...commonFlags(request), ...sources], librariesOf(request.library), output);
  if (failure !== undefined) {
    throw new SalmonError('engine', {
      what: 'The TensorFlow.js addon could not be compiled',
      where: request.engine,
      got: failure,
      todo: 'Install g++ (Debian: apt-get install g++), or set CXX to a C++17 compiler, and run `salmon doctor --fix`',
    });
  }
  return (await stat(output)).size;
}

async function compileOps(request: BuildRequest, output: string): Promise<{ readonly opsBytes: number } | { readonly opsReason: string }> {
  const names = readdirSync(request.native).filter((name) => name.endsWith('.cc') && name !== muteSource);
  if (names.length === 0) return { opsReason: `no sources in ${request.native}` };
  const sources = names.map((name) => path.join(request.native, name));
  const failure = await compile(['-O3', '-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math', '-Wno-psabi', '-DNAPI_VERSION=8', '-fvisibility=hidden', '-pthread', ...commonFlags(request), ...sources], librariesOf(request.library), output);
  return failure === undefined ? { opsBytes: (await stat(output)).size } : { opsReason: `they did not compile: ${failure}` };
}

async function compileMute(request: BuildRequest, output: string): Promise<boolean> {
  const failure = await compile(['-O1', '-DNAPI_VERSION=8', ...commonFlags(request), path.join(request.native, muteSource)], [], output);
  return failure === undefined;
}

function commonFlags(request: BuildRequest): string[] {
  return ['-std=c++17', '-shared', '-fPIC', `-I${request.library.include}`, `-I${(require('node-api-headers') as { include_dir: string }).include_dir}`];
}

function librariesOf(library: Libtensorflow): string[] {
  const folders = new Set([path.dirname(library.library), path.dirname(library.framework)]);
  return [library.library, library.framework, ...[...folders].map((folder) => `-Wl,-rpath,${folder}`)];
}

async function compile(flags: readonly string[], libraries: readonly string[], output: string): Promise<string | undefined> {
  const compiler = process.env['CXX'] ?? 'g++';
  const result = await runCommand(compiler, [...flags, '-o', output, ...libraries], { timeoutMs: 600_000 });
  if (result.status === 0) return undefined;
  return result.status === 127 ? `no C++ compiler: ${compiler} is not installed` : `${compiler} ended with status ${result.status}: ${lastLines(result.stderr, 6)}`;
}

function buildKey(request: BuildRequest): string {
  const hash = createHash('sha256');
  const versions = {
    engine: readVersion(path.join(request.engine, 'package.json')),
    headers: readVersion(require.resolve('node-api-headers/package.json')),
    library: [request.library.version, request.library.library, request.library.libraryBytes],
    machine: [process.platform, process.arch],
    recipe: 1,
  };
  hash.update(JSON.stringify(versions));
  for (const name of readdirSync(request.native).sort()) hash.update(`\n${name}\n`).update(readFileSync(path.join(request.native, name)));
  return hash.digest('hex').slice(0, 20);
}

function readVersion(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
