import { dirname, join } from 'node:path';
import { SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { checkState, tensorShapes } from '../inference/check-state.js';
import { resolveConfig } from '../inference/config.js';
import { foldInputBias, toJumpRelu } from './fold.js';
import { gemmaScopePlace } from './gemma-scope-place.js';
import { openNpz, writeNpz } from './npz.js';
import { namedTensors } from './saelens-write.js';
import { ORIGIN_FILE, originJson, readOrigin } from './salmon-origin.js';
import { checkStored, scaled } from './sae-source.js';
import type { OpenOptions, SaeSource, StoredTensor } from './sae-source.js';

export const GEMMA_SCOPE_FILE = 'params.npz';

/**
 * Opens Gemma Scope's params.npz (arXiv 2408.05147): a JumpReLU SAE in raw units, b_dec added on output only. Whether it is an embedding SAE
 * (W_enc / sqrt(d), W_dec * sqrt(d)) or a transcoder is not in the file: it is read off the path unless `variant` says so.
 * @throws SalmonError `bad-file` or `bad-shape` naming the array.
 */
export async function openGemmaScope(file: string, options: OpenOptions = {}): Promise<SaeSource> {
  const npz = await openNpz(file);
  try {
    const tensors = Object.create(null) as Record<string, StoredTensor>;
    const names: Record<string, string> = {};
    for (const [name, info] of Object.entries(npz.tensors)) {
      const known = name.startsWith('w_') ? `W_${name.slice(2)}` : name;
      if (tensors[known] !== undefined) throw new SalmonError('bad-file', { what: `Array "${known}" is there twice`, where: file, expected: 'one spelling', got: `${names[known]} and ${name}` });
      tensors[known] = info;
      names[known] = name;
    }
    const origin = await readOrigin(dirname(file));
    const place = gemmaScopePlace(options.place ?? file, options.variant ?? (origin === undefined ? undefined : 'sae'));
    const [d_in = 0, d_sae = 0] = tensors['W_enc']?.shape ?? [];
    const d_out = tensors['W_dec']?.shape[1] ?? d_in;
    const transcoder = place.variant === 'transcoder' || d_in !== d_out;
    const config: SaeState['config'] = {
      kind: transcoder ? 'jumprelu_transcoder' : 'jumprelu',
      ...(d_in > 0 && d_sae > 0 && d_out > 0 ? { d_in, d_sae, d_out } : {}),
      apply_b_dec_to_input: false,
      metadata: place.metadata,
    };
    const shapes = tensorShapes(resolveConfig({ config, weights: {} }));
    checkStored(tensors, shapes, { where: file });
    const weights = async (): Promise<Record<string, NdArray>> => {
      const read: Record<string, NdArray> = {};
      for (const name of Object.keys(shapes)) read[name] = await npz.read(names[name] ?? name);
      if (place.variant !== 'embedding') return read;
      // Embedding SAEs were trained on embeddings times sqrt(d); b_enc, threshold and b_dec are left alone, as SAELens does.
      return { ...read, W_enc: scaled(read['W_enc'] as NdArray, 1 / Math.sqrt(d_in)), W_dec: scaled(read['W_dec'] as NdArray, Math.sqrt(d_in)) };
    };
    return {
      format: 'gemmascope',
      config,
      site: origin?.site ?? { model: place.model, hook: place.hook, width: d_in },
      facts: { variant: place.variant },
      tensors,
      ...(origin === undefined ? {} : { origin }),
      weights,
      close: () => npz.close(),
    };
  } catch (error) {
    await npz.close();
    throw error;
  }
}

/**
 * Writes params.npz into a folder (with salmon.json beside it). Standard and gated SAEs become the JumpReLU SAEs that compute the same;
 * a b_dec that was taken off the input moves into b_enc.
 * @throws SalmonError `unsupported` for top-k, matching pursuit, temporal, skip and run-time-normalised SAEs.
 */
export async function writeGemmaScope(state: SaeState, folder: string): Promise<void> {
  const original = checkState(state, 'SAE to be written');
  if (original.skip || !['none', 'expected_average_only_in'].includes(original.normalize_activations)) {
    const got = original.skip ? 'a skip connection' : original.normalize_activations;
    throw new SalmonError('unsupported', { what: 'Gemma Scope files have no place for this', where: folder, expected: 'a plain encoder and decoder', got, todo: 'Write it as saelens' });
  }
  const folded = foldInputBias(toJumpRelu(state));
  const { W_enc, W_dec, b_enc, b_dec, threshold } = namedTensors(folded, checkState(folded)) as Record<string, NdArray>;
  const arrays = { W_enc, W_dec, b_enc, b_dec, threshold } as Record<string, NdArray>;
  await writeNpz(join(folder, GEMMA_SCOPE_FILE), arrays);
  await writeFileAtomic(join(folder, ORIGIN_FILE), originJson(state));
}
