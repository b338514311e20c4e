import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import type { SaeState } from '@salmon-sae/dataflow';
import { checkState } from '../inference/check-state.js';
import { DICTIONARY_LEARNING_FILE, openDictionaryLearning } from './dictionary-learning.js';
import { GEMMA_SCOPE_2_FILE, openGemmaScope2 } from './gemma-scope-2.js';
import { GEMMA_SCOPE_FILE, openGemmaScope } from './gemma-scope.js';
import type { GemmaScopeVariant } from './gemma-scope-place.js';
import { openSaeLens, SAELENS_WEIGHTS } from './saelens-read.js';
import type { SaeFormat, SaeSource, StoredTensor } from './sae-source.js';
import { openSparsify, SPARSIFY_WEIGHTS } from './sparsify.js';

export interface LoadOptions {
  /** What a Gemma Scope file is; default: read off its path. */
  readonly variant?: GemmaScopeVariant;
}

/** What can be known of an SAE without reading its weights. */
export interface SaeSummary {
  readonly format: SaeFormat;
  readonly config: SaeState['config'];
  readonly site: SaeState['site'];
  /** Tensors under the file's own names. */
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly parameters: number;
}

/**
 * Loads an SAE from a folder or weights file of any format that this project reads: SAELens, Gemma Scope (1 and 2), sparsify, dictionary_learning.
 * @throws SalmonError `missing-file`, `bad-file`, `bad-shape`, `bad-config`, `unknown-architecture`, naming the file, the tensor and both shapes.
 */
export async function loadSae(spec: string, options: LoadOptions = {}): Promise<SaeState> {
  const source = await openSource(spec, options);
  try {
    const state: SaeState = {
      config: source.config,
      weights: await source.weights(),
      site: source.site,
      ...(source.origin === undefined
        ? { scale: 1, trained: { tokens: 0, steps: 0, seed: 0, versions: {}, facts: { format: source.format, source: spec, ...source.facts } } }
        : { scale: source.origin.scale, trained: source.origin.trained }),
    };
    checkState(state, spec);
    return state;
  } finally {
    await source.close();
  }
}

/** Configuration, place and tensor shapes of an SAE; its weights are not read. */
export async function loadSaeConfig(spec: string, options: LoadOptions = {}): Promise<SaeSummary> {
  const source = await openSource(spec, options);
  await source.close();
  const { format, config, site, tensors } = source;
  const parameters = Object.values(tensors).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { format, config, site, tensors, parameters };
}

/** Weights files by the layout that has them; the first one found decides. */
const LAYOUTS: readonly (readonly [file: string, open: (path: string, options: LoadOptions) => Promise<SaeSource>])[] = [
  [SAELENS_WEIGHTS, (path) => openSaeLens(dirname(path))],
  [SPARSIFY_WEIGHTS, (path) => openSparsify(dirname(path))],
  [GEMMA_SCOPE_FILE, (path, { variant }) => openGemmaScope(path, variant)],
  [GEMMA_SCOPE_2_FILE, (path, { variant }) => openGemmaScope2(path, variant)],
  [DICTIONARY_LEARNING_FILE, (path) => openDictionaryLearning(path)],
];

async function openSource(path: string, options: LoadOptions): Promise<SaeSource> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new SalmonError('missing-file', { what: 'SAE not found', where: path, todo: 'Check the path' }, { cause });
  });
  if (!info.isDirectory()) {
    const named = LAYOUTS.find(([file]) => file === basename(path));
    if (named !== undefined) return named[1](path, options);
    if (path.endsWith('.npz')) return openGemmaScope(path, options.variant);
    if (path.endsWith('.pt')) return openDictionaryLearning(path);
    // A configuration file stands for its folder.
    if (path.endsWith('.json')) return openSource(dirname(path), options);
    throw unrecognised(path, basename(path));
  }
  for (const [file, open] of LAYOUTS) if (existsSync(join(path, file))) return open(join(path, file), options);
  throw unrecognised(path, (await readdir(path)).slice(0, 12).join(', ') || 'an empty folder');
}

function unrecognised(where: string, got: string): SalmonError {
  const expected = `one of ${LAYOUTS.map(([file]) => file).join(', ')}`;
  return new SalmonError('bad-file', { what: 'No SAE is recognised here', where, expected, got, todo: 'Point to the folder of one SAE' });
}
