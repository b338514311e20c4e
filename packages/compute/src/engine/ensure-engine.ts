import { mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { SalmonError, isSalmonError } from '@salmon-sae/dataflow';
import type { BuildRequest, NativeModules } from './build.js';
import { buildModules, builtModules, nativeSources } from './build.js';
import { cacheFolder } from './cache-folder.js';
import { gpuPresent, gpuWheel } from './gpu.js';
import type { Libtensorflow } from './libtensorflow.js';
import { isLinked, linkAddon } from './link.js';
import { tensorflowVersion } from './pinned.js';
import { withSetupLock } from './setup-lock.js';
import type { OnSetupProgress } from './setup-progress.js';
import type { LibrarySource, SourceContext } from './sources.js';
import { cachedLibrary, givenWheel, installedPython, pipWheel, usualArchive } from './sources.js';
import { removeUnfinished } from './staging.js';

export interface EnsureEngineOptions {
  readonly onProgress?: OnSetupProgress;
  /** Cache folder; default: `cacheFolder()`. */
  readonly cache?: string;
  /** Look for libtensorflow and compile anew, even where an earlier set-up stands. */
  readonly force?: boolean;
  /** Ways to libtensorflow, tried in order; default: `librarySources()`. */
  readonly sources?: readonly LibrarySource[];
  /** Folder of @tensorflow/tfjs-node-gpu; default: the installed one. */
  readonly engine?: string;
}

/** A set-up engine, ready to be loaded. */
export interface Engine extends NativeModules {
  readonly library: Libtensorflow;
  readonly engine: string;
}

/**
 * Order: what is here already, then the wheel through pip (pinned by hash, newer kernels, follows the user's index settings), then
 * TensorFlow's usual download, whose host many machines cannot reach and which publishes no hashes.
 */
export function librarySources(): readonly LibrarySource[] {
  const given = process.env['SALMON_TENSORFLOW_WHEEL'];
  const own = given === undefined || given === '' ? [] : [givenWheel({ at: given, version: tensorflowVersion })];
  const gpu = gpuPresent() ? [gpuWheel()] : [];
  return [...gpu, cachedLibrary(), ...own, installedPython(), pipWheel(), usualArchive()];
}

/**
 * Makes the native engine ready: libtensorflow in the shared cache, the addon compiled once per machine and linked into the package.
 * Takes milliseconds where everything stands; safe when several processes start at once. Throws `SalmonError('engine')` naming every
 * way that was tried.
 */
export async function ensureEngine(options: EnsureEngineOptions = {}): Promise<Engine> {
  const cache = options.cache ?? cacheFolder();
  const engine = options.engine ?? engineFolder();
  const { onProgress } = options;
  const force = options.force ?? false;
  const sources = options.sources ?? librarySources();
  if (!force) {
    const standing = await standingEngine(cache, engine);
    if (standing !== undefined) return standing;
  }
  await mkdir(cache, { recursive: true }).catch((cause: unknown) => {
    throw new SalmonError('engine', { what: 'The cache folder cannot be made', where: cache, got: (cause as Error).message, todo: 'Set SALMON_CACHE to a folder you may write to' }, { cause });
  });
  return withSetupLock(
    cache,
    async () => {
      if (!force) {
        const standing = await standingEngine(cache, engine);
        if (standing !== undefined) return standing;
      }
      const folder = path.join(cache, 'libtensorflow');
      await mkdir(folder, { recursive: true });
      await Promise.all([folder, path.join(cache, 'addons')].map(removeUnfinished));
      const library = await findLibrary(sources, { folder, ...(onProgress === undefined ? {} : { onProgress }) });
      const request = buildRequest(cache, engine, library, onProgress);
      const modules = (force ? undefined : await builtModules(request)) ?? (await buildModules(request));
      await link(engine, modules.addon);
      return { library, engine, ...modules };
    },
    onProgress,
  );
}

/** The engine of an earlier set-up, if it is whole and linked; looks at nothing but files. */
export async function standingEngine(cache: string = cacheFolder(), engine: string = engineFolder()): Promise<Engine | undefined> {
  const context = { folder: path.join(cache, 'libtensorflow') };
  const library = (gpuPresent() ? await gpuWheel({ cachedOnly: true }).find(context) : undefined) ?? (await cachedLibrary().find(context));
  if (library === undefined) return undefined;
  const modules = await builtModules(buildRequest(cache, engine, library));
  if (modules === undefined) return undefined;
  if (!(await isLinked(engine, modules.addon))) await link(engine, modules.addon);
  return { library, engine, ...modules };
}

/** Forgets the compiled modules, so that the next set-up compiles them anew. */
export async function forgetModules(cache: string = cacheFolder()): Promise<void> {
  await withSetupLock(cache, () => rm(path.join(cache, 'addons'), { recursive: true, force: true }));
}

async function findLibrary(sources: readonly LibrarySource[], context: SourceContext): Promise<Libtensorflow> {
  const tried: string[] = [];
  for (const source of sources) {
    try {
      const found = await source.find(context);
      if (found !== undefined) return found;
      tried.push(`${source.name}: none`);
    } catch (error) {
      tried.push(`${source.name}: ${isSalmonError(error) ? error.message : (error as Error).message}`);
    }
  }
  throw new SalmonError('engine', {
    what: 'No libtensorflow could be found or fetched',
    got: tried.join(' — '),
    todo: 'Make PyPI reachable for `python3 -m pip`, or set SALMON_TENSORFLOW_WHEEL to a tensorflow wheel (path or URL), and run `salmon doctor --fix`',
  });
}

function buildRequest(cache: string, engine: string, library: Libtensorflow, onProgress?: OnSetupProgress): BuildRequest {
  return { folder: path.join(cache, 'addons'), engine, library, native: nativeSources(), ...(onProgress === undefined ? {} : { onProgress }) };
}

async function link(engine: string, addon: string): Promise<void> {
  await linkAddon(engine, addon).catch((cause: unknown) => {
    throw new SalmonError('engine', { what: 'The addon cannot be linked into its package', where: engine, got: (cause as Error).message, todo: 'Make that folder writable once' }, { cause });
  });
}

function engineFolder(): string {
  try {
    return path.dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'));
  } catch (cause) {
    throw new SalmonError('engine', { what: 'The package @tensorflow/tfjs-node-gpu is not installed', todo: 'Run npm ci' }, { cause });
  }
}
