import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { SalmonError } from '@salmon-sae/dataflow';
import { checkSha256, download } from './download.js';
import type { Libtensorflow } from './libtensorflow.js';
import { inspectLibraries, readDescription, writeDescription } from './libtensorflow.js';
import type { PinnedWheel } from './pinned.js';
import { cpuWheel, neededBytes, tensorflowVersion, usualDownload } from './pinned.js';
import { pipDownload, pythonTensorflow } from './python.js';
import { lastLines, runCommand } from './run-command.js';
import { stageFolder } from './staging.js';
import { stageMeter } from './setup-progress.js';
import type { OnSetupProgress } from './setup-progress.js';
import { unzipMembers } from './unzip.js';

/** One way to come by a libtensorflow: the library, or undefined where the way does not apply; a failure throws. */
export interface LibrarySource {
  readonly name: string;
  find(context: SourceContext): Promise<Libtensorflow | undefined>;
}

export interface SourceContext {
  /** <cache>/libtensorflow */
  readonly folder: string;
  readonly onProgress?: OnSetupProgress;
}

const descriptionFile = 'salmon.json';

/** What set-up needs of a TensorFlow wheel: two libraries and the C API's headers. */
export function wantedFromWheel(name: string): boolean {
  return (
    /^tensorflow\/libtensorflow_(cc|framework)\.so\.2$/.test(name) ||
    /^tensorflow\/include\/(tensorflow\/c|tensorflow\/core\/(platform|common_runtime\/next_pluggable_device\/c)|tsl\/platform|xla\/tsl\/(c|platform))\/.*\.h$/.test(name)
  );
}

/** A finished folder of an earlier set-up; a folder of the right version without a description is described now. */
export function cachedLibrary(version: string = tensorflowVersion): LibrarySource {
  return {
    name: 'the cache folder',
    find: async ({ folder }) => {
      for (const name of [version, usualDownload.version]) {
        const described = await readDescription(path.join(folder, name, descriptionFile));
        if (described !== undefined) return described;
      }
      const described = await readDescription(path.join(folder, 'python.json'));
      if (described !== undefined) return described;
      const bare = await inspectLibraries(path.join(folder, version, 'tensorflow'), { version, source: 'the cache folder', gpu: false });
      // Without a description only the very files of the pinned wheel are trusted: an interrupted copy has other sizes.
      if (bare === undefined || bare.libraryBytes !== 788_086_608 || bare.frameworkBytes !== 65_222_328) return undefined;
      await writeDescription(path.join(folder, version, descriptionFile), bare);
      return bare;
    },
  };
}

/** TensorFlow of a Python on this machine, used where it lies. */
export function installedPython(): LibrarySource {
  return {
    name: 'an installed Python TensorFlow',
    find: async ({ folder }) => {
      const installed = await pythonTensorflow();
      if (installed === undefined) return undefined;
      const found = await inspectLibraries(installed.folder, { version: installed.version, source: `Python TensorFlow in ${installed.folder}`, gpu: false });
      if (found === undefined) return undefined;
      await mkdir(folder, { recursive: true });
      await writeDescription(path.join(folder, 'python.json'), found);
      return found;
    },
  };
}

/** The pinned TensorFlow wheel through pip, which follows the user's own index and proxy settings. */
export function pipWheel(pinned: PinnedWheel | undefined = cpuWheel(process.arch)): LibrarySource {
  return {
    name: 'the TensorFlow wheel through pip',
    find: async (context) => {
      if (pinned === undefined || process.platform !== 'linux') return undefined;
      const facts = { version: pinned.version, source: `the ${pinned.distribution} ${pinned.version} wheel`, ...(pinned.unpackedBytes === undefined ? {} : { unpackedBytes: pinned.unpackedBytes }) };
      return fromWheel(context, facts, async (staging) => {
        const wheel = await pipDownload(pinned, staging, context.onProgress);
        if (pinned.sha256 !== undefined) await checkSha256(wheel, pinned.sha256, `${pinned.distribution} ${pinned.version} from pip`);
        return wheel;
      });
    },
  };
}

export interface WheelAt {
  /** http(s) URL or file path. */
  readonly at: string;
  readonly version: string;
  readonly sha256?: string;
}

/** A TensorFlow wheel at a given URL or path, for machines that keep their own copy (`SALMON_TENSORFLOW_WHEEL`). */
export function givenWheel(given: WheelAt): LibrarySource {
  return {
    name: `the wheel at ${given.at}`,
    find: async (context) =>
      fromWheel(context, { version: given.version, source: given.at }, async (staging) => {
        if (!/^https?:/.test(given.at)) {
          if (given.sha256 !== undefined) await checkSha256(given.at, given.sha256, given.at);
          return given.at;
        }
        const file = path.join(staging, 'given.whl');
        await download(given.at, file, {
          ...(given.sha256 === undefined ? {} : { sha256: given.sha256 }),
          ...(context.onProgress === undefined ? {} : { onProgress: context.onProgress }),
        });
        return file;
      }),
  };
}

/** TensorFlow's C release archive from its usual host, which publishes no hashes: tar's own checks must do. */
export function usualArchive(options: { readonly url?: string; readonly stallMs?: number } = {}): LibrarySource {
  return {
    name: "TensorFlow's usual download",
    find: async (context) => {
      if (options.url === undefined && (process.platform !== 'linux' || process.arch !== 'x64')) return undefined;
      const url = options.url ?? usualDownload.url;
      const target = path.join(context.folder, usualDownload.version);
      await stageFolder(target, async (staging) => {
        await needSpace(context.folder, neededBytes);
        const archive = path.join(staging, 'libtensorflow.tar.gz');
        await download(url, archive, { stallMs: options.stallMs ?? 8_000, ...(context.onProgress === undefined ? {} : { onProgress: context.onProgress }) });
        const tensorflow = path.join(staging, 'tensorflow');
        await mkdir(tensorflow);
        const tar = await runCommand('tar', ['-xzf', archive, '-C', tensorflow]);
        if (tar.status !== 0) throw new SalmonError('bad-file', { what: 'The libtensorflow archive is damaged', where: url, got: lastLines(tar.stderr) });
        await rm(archive);
        await describe(staging, target, { version: usualDownload.version, source: url });
      });
      return readDescription(path.join(target, descriptionFile));
    },
  };
}

interface WheelFacts {
  readonly version: string;
  readonly source: string;
  readonly unpackedBytes?: number;
}

async function fromWheel(context: SourceContext, facts: WheelFacts, fetchInto: (staging: string) => Promise<string>): Promise<Libtensorflow | undefined> {
  const { version, source, unpackedBytes } = facts;
  const target = path.join(context.folder, version);
  await stageFolder(target, async (staging) => {
    await needSpace(context.folder, neededBytes);
    const wheel = await fetchInto(staging);
    const meter = stageMeter('unpacking libtensorflow', 'bytes', { ...(unpackedBytes === undefined ? {} : { total: unpackedBytes }), ...(context.onProgress === undefined ? {} : { onProgress: context.onProgress }) });
    await unzipMembers(wheel, staging, { wanted: wantedFromWheel, meter });
    for (const name of await readdir(staging)) {
      if (name !== 'tensorflow') await rm(path.join(staging, name), { recursive: true, force: true });
    }
    await describe(staging, target, { version, source });
  });
  return readDescription(path.join(target, descriptionFile));
}

/** Describes the libraries in `staging/tensorflow` as they will lie in `target/tensorflow`. */
async function describe(staging: string, target: string, facts: { readonly version: string; readonly source: string }): Promise<void> {
  const staged = await inspectLibraries(path.join(staging, 'tensorflow'), { ...facts, gpu: false });
  if (staged === undefined) {
    throw new SalmonError('bad-file', {
      what: 'A TensorFlow archive lacks the native libraries',
      where: facts.source,
      expected: 'libtensorflow_cc.so.2 (or lib/libtensorflow.so.2), the framework library and include/tensorflow/c',
      got: (await readdir(staging)).join(', ') || 'nothing of it',
    });
  }
  const moved = (file: string): string => path.join(target, path.relative(staging, file));
  const temporary = path.join(staging, `${descriptionFile}.part`);
  await writeDescription(temporary, { ...staged, library: moved(staged.library), framework: moved(staged.framework), include: moved(staged.include) });
  await rename(temporary, path.join(staging, descriptionFile));
}

async function needSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw new SalmonError('no-space', {
    what: 'Too little room on the disk for libtensorflow',
    where: folder,
    expected: `${(bytes / 1e9).toFixed(1)} GB free`,
    got: `${((bavail * bsize) / 1e9).toFixed(1)} GB`,
    todo: 'Free some, or set SALMON_CACHE to a folder on another disk',
  });
}
