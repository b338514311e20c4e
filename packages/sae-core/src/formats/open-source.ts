import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isSalmonError, SalmonError } from '@salmon-sae/dataflow';
import { isHubSpec, openRemoteFile, parseHubSpec, resolveSource } from '@salmon-sae/dataflow/hub';
import type { HubOptions } from '@salmon-sae/dataflow/hub';
import { DICTIONARY_LEARNING_FILE, openDictionaryLearning } from './dictionary-learning.js';
import { GEMMA_SCOPE_2_FILE, openGemmaScope2 } from './gemma-scope-2.js';
import { GEMMA_SCOPE_FILE, openGemmaScope } from './gemma-scope.js';
import { openSaeLens, SAELENS_CONFIG, SAELENS_WEIGHTS } from './saelens-read.js';
import type { OpenOptions, SaeSource } from './sae-source.js';
import { ORIGIN_FILE } from './salmon-origin.js';
import { openSparsify, SPARSIFY_WEIGHTS } from './sparsify.js';

export interface SourceOptions {
  readonly variant?: OpenOptions['variant'];
  /** For `hf:` sources: token, cache folder, offline, progress. */
  readonly hub?: HubOptions;
}

/** A layout is known by its weights file; the first one found decides. */
interface Layout {
  readonly file: string;
  /** Whether a header can be read by ranges, without the weights. */
  readonly ranged: boolean;
  open(path: string, options: OpenOptions): Promise<SaeSource>;
}

const LAYOUTS: readonly Layout[] = [
  { file: SAELENS_WEIGHTS, ranged: true, open: (path, options) => openSaeLens(dirname(path), options) },
  { file: SPARSIFY_WEIGHTS, ranged: true, open: (path, options) => openSparsify(dirname(path), options) },
  { file: GEMMA_SCOPE_FILE, ranged: false, open: (path, options) => openGemmaScope(path, options) },
  { file: GEMMA_SCOPE_2_FILE, ranged: true, open: (path, options) => openGemmaScope2(path, options) },
  { file: DICTIONARY_LEARNING_FILE, ranged: false, open: (path) => openDictionaryLearning(path) },
];

const CONFIG_FILES: readonly string[] = [SAELENS_CONFIG, 'config.json', ORIGIN_FILE];

/**
 * Opens an SAE from a local folder or weights file, or from `hf:org/name[@revision][/folder]`, which is fetched into the hub cache.
 * @throws SalmonError when nothing is there, no layout is recognised, or the layout's reader refuses it.
 */
export async function openSource(spec: string, options: SourceOptions): Promise<SaeSource> {
  const variant = options.variant === undefined ? {} : { variant: options.variant };
  if (!isHubSpec(spec)) return openLocal(spec, variant);
  const names = [...LAYOUTS.map(({ file }) => file), ...CONFIG_FILES];
  return openLocal(await fetchFolder(spec, names, options), { ...variant, place: placeOf(spec) });
}

/** The same without downloading weights, where their header can be read by ranges; the weights of such a source are read remotely too. */
export async function openSourceHeader(spec: string, options: SourceOptions): Promise<SaeSource> {
  if (!isHubSpec(spec) || options.hub?.offline === true) return openSource(spec, options);
  const folder = hubFolder(spec);
  const local = await fetchFolder(spec, CONFIG_FILES, options).catch((error: unknown) => {
    if (isSalmonError(error) && error.code === 'missing-file') return undefined;
    throw error;
  });
  for (const { file, ranged, open } of LAYOUTS) {
    if (!ranged) continue;
    const weights = await openRemoteFile(`${folder}/${file}`, options.hub).catch((error: unknown) => {
      if (isSalmonError(error) && (error.code === 'missing-file' || error.parts.got?.startsWith('HTTP 404') === true)) return undefined;
      throw error;
    });
    if (weights === undefined) continue;
    return open(join(local ?? folder, file), { ...(options.variant === undefined ? {} : { variant: options.variant }), place: placeOf(spec), weights });
  }
  return openSource(spec, options);
}

async function openLocal(path: string, options: OpenOptions): Promise<SaeSource> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new SalmonError('missing-file', { what: 'SAE not found', where: path, todo: 'Check the path' }, { cause });
  });
  if (!info.isDirectory()) {
    const named = LAYOUTS.find(({ file }) => file === basename(path));
    if (named !== undefined) return named.open(path, options);
    if (path.endsWith('.npz')) return openGemmaScope(path, options);
    if (path.endsWith('.pt')) return openDictionaryLearning(path);
    // A configuration file stands for its folder.
    if (path.endsWith('.json')) return openLocal(dirname(path), options);
    throw unrecognised(path, basename(path));
  }
  for (const { file, open } of LAYOUTS) if (existsSync(join(path, file))) return open(join(path, file), options);
  throw unrecognised(path, (await readdir(path)).slice(0, 12).join(', ') || 'an empty folder');
}

/** Fetches the named files of one folder of a repository (none of its subfolders) and returns where they lie. */
function fetchFolder(spec: string, names: readonly string[], { hub }: SourceOptions): Promise<string> {
  const folder = hubFolder(spec);
  const { path } = parseHubSpec(folder);
  const include = (file: string): boolean => (dirname(file) === '.' ? '' : dirname(file)) === path && names.includes(basename(file));
  return resolveSource(folder, { ...hub, include });
}

/** A hub source that names a file, as its folder. */
function hubFolder(spec: string): string {
  return /\.(npz|safetensors|pt|json)$/.test(spec) ? dirname(spec) : spec.replace(/\/+$/, '');
}

/** Repository and folder, without a revision. */
function placeOf(spec: string): string {
  const { name, path } = parseHubSpec(hubFolder(spec));
  return `/${name}/${path}/file`;
}

function unrecognised(where: string, got: string): SalmonError {
  const expected = `one of ${LAYOUTS.map(({ file }) => file).join(', ')}`;
  return new SalmonError('bad-file', { what: 'No SAE is recognised here', where, expected, got, todo: 'Point to the folder of one SAE' });
}
