import { copyFile, lstat, mkdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import type { ListFileEntry } from '@huggingface/hub';
import { SalmonError } from '../errors.js';
import { writeFileAtomic } from '../write-atomic.js';
import { downloadBlob } from './download-blob.js';
import type { RemoteBlob } from './download-blob.js';
import { hubFetch } from './hub-fetch.js';
import { fileUrl, hubSettings, repositoryFolder } from './hub-options.js';
import type { HubOptions, HubSettings } from './hub-options.js';
import { isHubSpec, parseHubSpec } from './hub-spec.js';
import type { HubSpec } from './hub-spec.js';

export interface ResolveOptions extends HubOptions {
  /** Which files to fetch, by path inside the repository. Default: the files of a language model, or all of a folder that was named. */
  readonly include?: (path: string) => boolean;
}

/** Files of a language model at the top of its repository: configuration, tokenizer, safetensors weights. */
const MODEL_FILES = /^((generation_)?config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$|^merges\.txt$|^model(-[\w-]+)?\.safetensors$|^model\.safetensors\.index\.json$/;

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * The local folder (or file) of a source: a path stays as it is; `hf:[datasets/]org/name[@revision][/path]` is fetched into
 * the usual Hugging Face cache, which Python's huggingface_hub shares.
 *
 * Partial downloads are continued, hashes checked. Throws `missing-file` (offline and not cached), `network`, `bad-file`.
 */
export async function resolveSource(source: string, options: ResolveOptions = {}): Promise<string> {
  if (!isHubSpec(source)) return resolve(source);
  const spec = parseHubSpec(source);
  const settings = hubSettings(options);
  const folder = repositoryFolder(settings, spec);
  if (settings.offline) return cached(folder, spec);
  const commit = COMMIT.test(spec.revision) ? spec.revision : await commitOf(settings, spec);
  const snapshot = join(folder, 'snapshots', commit);
  const files = await wantedFiles(settings, { ...spec, revision: commit }, options.include);
  await fetchFiles(files, { settings, spec: { ...spec, revision: commit }, folder, snapshot });
  if (commit !== spec.revision) await writeFileAtomic(join(folder, 'refs', spec.revision), commit);
  return spec.path === '' ? snapshot : join(snapshot, spec.path);
}

async function cached(folder: string, spec: HubSpec): Promise<string> {
  const commit = COMMIT.test(spec.revision)
    ? spec.revision
    : (await readFile(join(folder, 'refs', spec.revision), 'utf8').catch(() => '')).trim();
  const path = join(folder, 'snapshots', commit, spec.path);
  const there = commit !== '' && (await stat(path).then(() => true, () => false));
  if (there) return path;
  throw new SalmonError('missing-file', {
    what: `${spec.name} is not in the cache, and downloads are switched off`,
    where: folder,
    expected: `revision ${spec.revision}${spec.path === '' ? '' : `, ${spec.path}`}`,
    got: commit === '' ? 'no such revision' : 'no such snapshot',
    todo: 'Unset HF_HUB_OFFLINE to download it, or point to a local folder',
  });
}

async function commitOf(settings: HubSettings, spec: HubSpec): Promise<string> {
  const { name, revision } = spec;
  const request = { name, revision, additionalFields: ['sha' as const], ...access(settings) };
  const { sha } = spec.type === 'model' ? await modelInfo(request) : await datasetInfo(request);
  if (typeof sha === 'string' && COMMIT.test(sha)) return sha;
  throw new SalmonError('network', { what: 'The hub named no commit for this revision', where: `${name}@${revision}`, expected: '40 hexadecimal digits', got: String(sha) });
}

async function wantedFiles(settings: HubSettings, spec: HubSpec, include: ResolveOptions['include']): Promise<readonly ListFileEntry[]> {
  const inside = (path: string): boolean => spec.path === '' || path === spec.path || path.startsWith(`${spec.path}/`);
  const wanted = include ?? ((path: string) => (spec.path === '' && spec.type === 'model' ? MODEL_FILES.test(path) : true));
  const files: ListFileEntry[] = [];
  const repo = { type: spec.type, name: spec.name };
  for await (const entry of listFiles({ repo, revision: spec.revision, recursive: true, ...access(settings) })) {
    if (entry.type !== 'file' || !inside(entry.path) || !wanted(entry.path)) continue;
    if (entry.path.split('/').some((part) => part === '' || part === '..' || part.includes('\\'))) {
      throw new SalmonError('bad-file', { what: 'The hub lists a file outside its repository', where: spec.name, got: entry.path });
    }
    files.push(entry);
  }
  if (files.length > 0) return files;
  throw new SalmonError('missing-file', {
    what: 'The repository has none of the files wanted',
    where: `${spec.name}@${spec.revision}`,
    expected: spec.path === '' ? 'config.json, tokenizer.json and safetensors weights' : `something under ${spec.path}`,
    todo: 'Name the folder inside the repository, as in hf:org/name/folder',
  });
}

interface Place {
  readonly settings: HubSettings;
  readonly spec: HubSpec;
  readonly folder: string;
  readonly snapshot: string;
}

/** Large files (weights in shards) that download at the same time. */
const LANES = 4;

async function fetchFiles(files: readonly ListFileEntry[], place: Place): Promise<void> {
  const { settings, spec } = place;
  const total = files.reduce((sum, file) => sum + sizeOf(file), 0);
  const bytesOf = new Map<string, number>();
  let done = 0;
  const report = (path: string, bytes: number): void => {
    done += bytes - (bytesOf.get(path) ?? 0);
    bytesOf.set(path, bytes);
    settings.onProgress?.({ stage: `download ${spec.name}`, done, total, unit: 'bytes' });
  };
  const stop = new AbortController();
  const signal = settings.signal === undefined ? stop.signal : AbortSignal.any([settings.signal, stop.signal]);
  const fetchOne = async (file: ListFileEntry, at: Place): Promise<void> => {
    await fetchFile(file, at, (bytes) => report(file.path, bytes));
    report(file.path, sizeOf(file));
  };
  for (const file of files) if (file.lfs === undefined) await fetchOne(file, place);
  // Files of equal content share a blob, so they follow each other in one lane.
  const large = new Map<string, ListFileEntry[]>();
  for (const file of files) if (file.lfs !== undefined) large.set(file.lfs.oid, [...(large.get(file.lfs.oid) ?? []), file]);
  const waiting = [...large.values()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (const file of next) await fetchOne(file, { ...place, settings: { ...settings, signal } });
    }
  };
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    Array.from({ length: LANES }, () =>
      lane().catch((error: unknown) => {
        // The first failure is the one to report: those after it come of stopping the other lanes.
        failure ??= { error };
        stop.abort();
      }),
    ),
  );
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}

async function fetchFile(file: ListFileEntry, place: Place, onBytes: (bytes: number) => void): Promise<void> {
  const { settings, spec, folder, snapshot } = place;
  const hex = file.lfs?.oid ?? file.oid;
  if (hex === undefined || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hex)) {
    throw new SalmonError('network', { what: 'The hub lists a file without a hash', where: `${spec.name}/${file.path}`, got: String(hex) });
  }
  const blobPath = join(folder, 'blobs', hex);
  const present = await stat(blobPath).catch(() => undefined);
  if (present?.size !== sizeOf(file)) {
    const hash: RemoteBlob['hash'] = { kind: file.lfs === undefined ? 'git-sha1' : 'sha256', hex };
    await downloadBlob({ url: fileUrl(settings, spec, file.path), size: sizeOf(file), hash }, blobPath, { settings, onBytes });
  }
  await link(blobPath, join(snapshot, file.path));
}

/** A relative link, or a copy where the system allows no links. */
async function link(blob: string, at: string): Promise<void> {
  await mkdir(dirname(at), { recursive: true });
  if ((await lstat(at).catch(() => undefined)) !== undefined) {
    if (await stat(at).then(() => true, () => false)) return;
    await rm(at, { force: true });
  }
  try {
    await symlink(relative(dirname(at), blob), at);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EPERM' || error.code === 'ENOSYS'))) throw error;
    await copyFile(blob, at);
  }
}

function sizeOf(file: ListFileEntry): number {
  return file.lfs?.size ?? file.size;
}

function access(settings: HubSettings): { readonly hubUrl: string; readonly fetch: typeof fetch } {
  return { hubUrl: settings.hubUrl, fetch: hubFetch(settings) };
}
