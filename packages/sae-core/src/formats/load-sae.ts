import type { SaeState } from '@salmon-sae/dataflow';
import { checkState } from '../inference/check-state.js';
import { openSource, openSourceHeader } from './open-source.js';
import type { SourceOptions } from './open-source.js';
import type { SaeFormat, StoredTensor } from './sae-source.js';

/** `variant`: what a Gemma Scope file is (default: read off its path); `hub`: for `hf:` sources. */
export type LoadOptions = SourceOptions;

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
 * Loads an SAE from a folder or weights file of any format that this project reads (SAELens, Gemma Scope 1 and 2, sparsify,
 * dictionary_learning), or from `hf:org/name[@revision][/folder]`.
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

/**
 * Configuration, place and tensor shapes of an SAE; its weights are not read. Of an `hf:` source only the configuration and the header of
 * the safetensors file are fetched (npz and pt files as a whole).
 */
export async function loadSaeConfig(spec: string, options: LoadOptions = {}): Promise<SaeSummary> {
  const source = await openSourceHeader(spec, options);
  await source.close();
  const { format, config, site, tensors } = source;
  const parameters = Object.values(tensors).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { format, config, site, tensors, parameters };
}
