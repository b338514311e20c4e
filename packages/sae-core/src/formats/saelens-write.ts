import { SalmonError, writeDirectoryAtomic, writeFileAtomic } from '@salmon-sae/dataflow';
import type { Json, NdArray, SaeState } from '@salmon-sae/dataflow';
import { writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import type { FloatDtype } from '@salmon-sae/dataflow/safetensors';
import { join } from 'node:path';
import { checkState, tensorShapes } from '../inference/check-state.js';
import type { ResolvedConfig } from '../inference/config.js';
import { hookFromLens, hookToLens } from './hook-names.js';
import { isSaeLensKind } from './saelens-config.js';
import { SAELENS_CONFIG, SAELENS_SPARSITY, SAELENS_WEIGHTS } from './saelens-read.js';
import { ORIGIN_FILE, originJson } from './salmon-origin.js';

/** How weights are written. */
export interface WriteOptions {
  /** How weights are stored (default F32). */
  readonly dtype?: FloatDtype;
  /** log10 of each latent's firing frequency, [latents]; SAELens folders only. */
  readonly sparsity?: Float32Array;
}

/** The version of SAELens' format that is written; readers take an unversioned config for an old, flat one. */
const FORMAT_VERSION = '6.45.3';

const DTYPES: Readonly<Record<FloatDtype, string>> = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' };

/**
 * Writes an SAE as a SAELens 6 folder, whole or not at all: cfg.json, sae_weights.safetensors, sparsity.safetensors on request, and
 * salmon.json (scale, site and provenance, which SAELens has no field for and does not read).
 * With `anyKind`, kinds that SAELens does not have are written in the same layout, under their own architecture name (which SAELens refuses).
 * @throws SalmonError `unsupported` for kinds that SAELens has no architecture for.
 */
export async function writeSaeLens(state: SaeState, folder: string, options: WriteOptions & { readonly anyKind?: boolean } = {}): Promise<void> {
  const config = checkState(state, 'SAE to be written');
  if (options.anyKind !== true && !isSaeLensKind(config.kind)) {
    throw new SalmonError('unsupported', { what: `SAELens has no architecture for a ${config.kind} SAE`, where: folder, expected: 'another kind', got: config.kind, todo: 'Write it as salmon, or as sparsify' });
  }
  const { sparsity, dtype = 'F32' } = options;
  if (sparsity !== undefined && sparsity.length !== config.d_sae) {
    throw new SalmonError('bad-shape', { what: 'Tensor "sparsity" has the wrong shape', where: folder, expected: `[${config.d_sae}]`, got: `[${sparsity.length}]` });
  }
  const tensors = namedTensors(state, config);
  await writeDirectoryAtomic(folder, async (temporary) => {
    await writeSafetensors(join(temporary, SAELENS_WEIGHTS), tensors, { dtype, metadata: { format: 'pt' } });
    if (sparsity !== undefined) await writeSafetensors(join(temporary, SAELENS_SPARSITY), { sparsity: { shape: [sparsity.length], data: sparsity } });
    await writeFileAtomic(join(temporary, SAELENS_CONFIG), `${JSON.stringify(saeLensConfig(state, config, dtype), null, 2)}\n`);
    await writeFileAtomic(join(temporary, ORIGIN_FILE), originJson(state));
  });
}

/** The tensors of the config's kind, biases that the state leaves out as zeros. */
export function namedTensors(state: SaeState, config: ResolvedConfig): Record<string, NdArray> {
  const tensors: Record<string, NdArray> = {};
  for (const [name, shape] of Object.entries(tensorShapes(config))) {
    tensors[name] = state.weights[name] ?? { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
  }
  return tensors;
}

/** cfg.json: the fields of SAELens' dataclass for the architecture, no others. */
function saeLensConfig(state: SaeState, config: ResolvedConfig, dtype: FloatDtype): Record<string, unknown> {
  return {
    d_in: config.d_in,
    d_sae: config.d_sae,
    dtype: DTYPES[dtype],
    device: 'cpu',
    apply_b_dec_to_input: config.apply_b_dec_to_input,
    normalize_activations: config.normalize_activations,
    reshape_activations: config.reshape_activations,
    metadata: metadata(state, config),
    ...(config.activation === 'topk' ? { k: config.k, rescale_acts_by_decoder_norm: config.rescale_acts_by_decoder_norm } : {}),
    ...(config.activation === 'groupmax' || config.activation === 'switch' ? { k: config.k } : {}),
    ...(config.activation === 'switch' ? { experts: config.experts, active_experts: config.active_experts } : {}),
    ...(config.transcoder ? { d_out: config.d_out } : {}),
    ...(config.activation === 'matching_pursuit'
      ? { residual_threshold: config.residual_threshold, max_iterations: config.max_iterations, stop_on_duplicate_support: config.stop_on_duplicate_support }
      : {}),
    ...(config.activation === 'temporal'
      ? {
          n_heads: config.n_heads,
          n_attn_layers: config.n_attn_layers,
          bottleneck_factor: config.bottleneck_factor,
          sae_diff_type: config.sae_diff_type,
          kval_topk: config.kval_topk,
          tied_weights: config.tied_weights,
          activation_normalization_factor: config.activation_normalization_factor,
        }
      : {}),
    architecture: config.kind,
  };
}

function metadata(state: SaeState, config: ResolvedConfig): Record<string, unknown> {
  const held = config.metadata as Readonly<Record<string, Json>>;
  const heldHook = held['hook_name'];
  const same = typeof heldHook === 'string' && hookFromLens(heldHook) === state.site.hook;
  return {
    sae_lens_training_version: null,
    hook_head_index: null,
    prepend_bos: true,
    model_from_pretrained_kwargs: {},
    ...held,
    sae_lens_version: FORMAT_VERSION,
    model_name: state.site.model,
    hook_name: same ? heldHook : hookToLens(state.site.hook),
  };
}
