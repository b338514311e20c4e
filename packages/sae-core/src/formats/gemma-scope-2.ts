import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { tensorShapes } from '../inference/check-state.js';
import { resolveConfig } from '../inference/config.js';
import { gemmaScopePlace } from './gemma-scope-place.js';
import { stored } from './saelens-read.js';
import { checkStored } from './sae-source.js';
import type { OpenOptions, SaeSource } from './sae-source.js';

export const GEMMA_SCOPE_2_FILE = 'params.safetensors';

/** Gemma Scope 2's names -> SAELens'. */
const NAMES: Readonly<Record<string, string>> = {
  w_enc: 'W_enc',
  w_dec: 'W_dec',
  b_enc: 'b_enc',
  b_dec: 'b_dec',
  threshold: 'threshold',
  affine_skip_connection: 'W_skip',
};

/**
 * Opens Gemma Scope 2's params.safetensors: as Gemma Scope, in lower case, and with an affine skip connection in transcoders.
 * @throws SalmonError `bad-file` or `bad-shape` naming the tensor.
 */
export async function openGemmaScope2(file: string, options: OpenOptions = {}): Promise<SaeSource> {
  const reader = await openSafetensors(options.weights ?? file);
  try {
    const tensors = stored(reader);
    const place = gemmaScopePlace(options.place ?? file, options.variant);
    const skip = reader.has('affine_skip_connection');
    const [d_in = 0, d_sae = 0] = tensors['w_enc']?.shape ?? [];
    const d_out = tensors['w_dec']?.shape[1] ?? d_in;
    const config: SaeState['config'] = {
      kind: skip ? 'jumprelu_skip_transcoder' : place.variant === 'transcoder' || d_in !== d_out ? 'jumprelu_transcoder' : 'jumprelu',
      ...(d_in > 0 && d_sae > 0 && d_out > 0 ? { d_in, d_sae, d_out } : {}),
      apply_b_dec_to_input: false,
      metadata: place.metadata,
    };
    const shapes = tensorShapes(resolveConfig({ config, weights: {} }));
    const own = Object.entries(NAMES).filter(([, name]) => shapes[name] !== undefined);
    checkStored(tensors, Object.fromEntries(own.map(([file, name]) => [file, shapes[name] ?? []])), { where: file });
    return {
      format: 'gemmascope2',
      config,
      site: { model: place.model, hook: place.hook, width: d_in },
      facts: { variant: skip ? 'transcoder' : place.variant },
      tensors,
      weights: async () => {
        const weights: Record<string, NdArray> = {};
        for (const [name, known] of own) weights[known] = await reader.read(name);
        return weights;
      },
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}
