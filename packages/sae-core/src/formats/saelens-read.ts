import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Json, NdArray, SaeState } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import type { SafetensorsReader } from '@salmon-sae/dataflow/safetensors';
import { resolveConfig } from '../inference/config.js';
import { tensorShapes } from '../inference/check-state.js';
import { readJsonObject } from './read-json.js';
import { isSaeLensKind, parseSaeLensConfig } from './saelens-config.js';
import type { SaeLensConfig } from './saelens-config.js';
import { readOrigin } from './salmon-origin.js';
import { checkStored } from './sae-source.js';
import type { OpenOptions, SaeSource, StoredTensor } from './sae-source.js';

export const SAELENS_CONFIG = 'cfg.json';
export const SAELENS_WEIGHTS = 'sae_weights.safetensors';
export const SAELENS_SPARSITY = 'sparsity.safetensors';

/**
 * Opens a SAELens folder (cfg.json and sae_weights.safetensors): version 6, and the flat configs of versions 3 to 5.
 * @throws SalmonError when a file is missing, a field contradicts another, or a tensor is not of the config's shape.
 */
export async function openSaeLens(folder: string, options: OpenOptions = {}): Promise<SaeSource> {
  const parsed = parseSaeLensConfig(await readJsonObject(join(folder, SAELENS_CONFIG)), join(folder, SAELENS_CONFIG));
  const resolved = resolveConfig({ config: parsed.config, weights: {} });
  const path = join(folder, SAELENS_WEIGHTS);
  const reader = await openSafetensors(options.weights ?? path);
  try {
    const tensors = stored(reader);
    const shapes = { ...tensorShapes(resolved) };
    const logThreshold = resolved.activation === 'jumprelu' && tensors['threshold'] === undefined && tensors['log_threshold'] !== undefined;
    if (logThreshold) {
      delete shapes['threshold'];
      shapes['log_threshold'] = [resolved.d_sae];
    }
    const factor = tensors['scaling_factor'] === undefined ? {} : { scaling_factor: [resolved.d_sae] };
    checkStored(tensors, { ...shapes, ...factor }, { where: path });
    const origin = await readOrigin(folder);
    return {
      format: isSaeLensKind(resolved.kind) ? 'saelens' : 'salmon',
      config: parsed.config,
      site: origin?.site ?? parsed.site,
      facts: { dtype: parsed.dtype, legacy: parsed.legacy } satisfies Record<string, Json>,
      tensors,
      ...(origin === undefined ? {} : { origin }),
      weights: () => readWeights(reader, parsed, { names: Object.keys(shapes), path }),
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** log10 of each latent's firing frequency [F], where the folder has it. */
export async function readSparsity(folder: string): Promise<Float32Array | undefined> {
  const path = join(folder, SAELENS_SPARSITY);
  if (!existsSync(path)) return undefined;
  const reader = await openSafetensors(path);
  try {
    return (await reader.read('sparsity')).data;
  } finally {
    await reader.close();
  }
}

export function stored(reader: SafetensorsReader): Record<string, StoredTensor> {
  const entries = reader.names.map((name): [string, StoredTensor] => [name, reader.info(name)]);
  return Object.assign(Object.create(null) as Record<string, StoredTensor>, Object.fromEntries(entries));
}

async function readWeights(
  reader: SafetensorsReader,
  parsed: SaeLensConfig,
  { names, path }: { readonly names: readonly string[]; readonly path: string },
): Promise<SaeState['weights'] & Record<string, NdArray>> {
  const weights: Record<string, NdArray> = {};
  for (const name of names) weights[name] = await reader.read(name);
  const log = weights['log_threshold'];
  if (log !== undefined) {
    delete weights['log_threshold'];
    weights['threshold'] = { shape: log.shape, data: log.data.map(Math.exp) };
  }
  if (reader.has('scaling_factor')) {
    const { data: factor } = await reader.read('scaling_factor');
    // Tolerances of torch.allclose, which SAELens uses to drop factors that do nothing.
    const isOne = factor.every((value) => Math.abs(value - 1) <= 1e-8 + 1e-5);
    if (!isOne) {
      if (!parsed.finetuned) {
        const expected = 'finetuning_scaling_factor true, or a factor of ones';
        throw new SalmonError('bad-config', { what: 'Tensor "scaling_factor" contradicts the config', where: path, expected, got: 'finetuning_scaling_factor false' });
      }
      // decode(f) = (f * factor) @ W_dec: the factor belongs to the decoder rows.
      const W_dec = weights['W_dec'] as NdArray;
      const width = W_dec.shape[1] ?? 1;
      weights['W_dec'] = { shape: W_dec.shape, data: W_dec.data.map((value, i) => value * (factor[Math.floor(i / width)] as number)) };
    }
  }
  return weights;
}
