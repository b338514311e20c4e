import { SalmonError } from '@salmon-sae/dataflow';
import type { Json, SaeState, Site } from '@salmon-sae/dataflow';
import { isSaeKind, kindParts, SAE_KINDS } from '../inference/config.js';
import { hookFromLens } from './hook-names.js';

type JsonObject = Readonly<Record<string, Json>>;

/** A SAELens cfg.json in this project's terms. */
export interface SaeLensConfig {
  readonly config: SaeState['config'];
  readonly site: Site;
  /** 6, or the version before which flat configs were written. */
  readonly legacy: boolean;
  /** Old configs: a trained factor per latent, to be folded into the decoder. */
  readonly finetuned: boolean;
  readonly dtype: string;
}

/** Keys that pre-6 configs keep at the top level and version 6 keeps under `metadata`. */
const LLM_KEYS = [
  'model_name',
  'hook_name',
  'model_class_name',
  'hook_head_index',
  'model_from_pretrained_kwargs',
  'prepend_bos',
  'exclude_special_tokens',
  'neuronpedia_id',
  'context_size',
  'seqpos_slice',
  'dataset_path',
  'sae_lens_version',
  'sae_lens_training_version',
  'hook_name_out',
  'hook_head_index_out',
];

/** Config fields by activation; what an architecture does not use is left out, as SAELens does on loading. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  topk: ['k', 'rescale_acts_by_decoder_norm'],
  groupmax: ['k'],
  switch: ['k', 'experts', 'active_experts'],
  matching_pursuit: ['residual_threshold', 'max_iterations', 'stop_on_duplicate_support'],
  temporal: ['n_heads', 'n_attn_layers', 'bottleneck_factor', 'sae_diff_type', 'kval_topk', 'tied_weights', 'activation_normalization_factor'],
};

/** SAELens' kinds: group-max and top-k transcoders exist in sparsify only, switch nowhere else. */
export function isSaeLensKind(kind: string): boolean {
  return isSaeKind(kind) && kind !== 'switch' && !kind.startsWith('groupmax') && !kind.startsWith('topk_');
}

/**
 * Reads a SAELens config, version 6 or older (flat, with `activation_fn_str` and the LLM's keys beside the SAE's), and this project's own
 * folders, which differ from it in further architectures only.
 * @throws SalmonError `unknown-architecture`, or `bad-config` naming the field.
 */
export function parseSaeLensConfig(json: JsonObject, where: string): SaeLensConfig {
  const legacy = isLegacy(json);
  const cfg = legacy ? modernise(json, where) : json;
  const architecture = cfg['architecture'];
  if (!isSaeKind(architecture)) {
    const training = architecture === 'batchtopk' || architecture === 'matryoshka_batchtopk';
    throw new SalmonError('unknown-architecture', {
      what: 'SAELens architecture is not known',
      where: `${where}: architecture`,
      expected: SAE_KINDS.join(', '),
      got: JSON.stringify(architecture) ?? 'nothing',
      ...(training ? { todo: 'This is a training checkpoint; save it with SAELens\' save_inference_model, which makes a jumprelu SAE' } : {}),
    });
  }
  const d_in = dimension(cfg, 'd_in', where);
  const d_sae = dimension(cfg, 'd_sae', where);
  const parts = kindParts(architecture);
  const d_out = parts.transcoder ? dimension(cfg, 'd_out', where) : d_in;
  const metadata = isObject(cfg['metadata']) ? cfg['metadata'] : {};
  const config: Record<string, Json> & { kind: string } = {
    kind: architecture,
    d_in,
    d_sae,
    ...(parts.transcoder ? { d_out } : {}),
    apply_b_dec_to_input: present(cfg, 'apply_b_dec_to_input', where),
    normalize_activations: cfg['normalize_activations'] === null ? 'none' : present(cfg, 'normalize_activations', where),
    reshape_activations: cfg['reshape_activations'] ?? 'none',
  };
  for (const field of FIELDS[parts.activation] ?? []) if (cfg[field] !== undefined) config[field] = cfg[field];
  config['metadata'] = metadata;
  const site: Site = { model: text(metadata['model_name']), hook: hookFromLens(text(metadata['hook_name'])), width: d_in };
  return { config, site, legacy, finetuned: cfg['finetuning_scaling_factor'] === true, dtype: text(cfg['dtype'] ?? 'float32').replace('torch.', '') };
}

function isLegacy(json: JsonObject): boolean {
  const metadata = json['metadata'];
  const version = json['sae_lens_version'] ?? (isObject(metadata) ? metadata['sae_lens_version'] : undefined);
  const major = typeof version === 'string' ? /^(\d+)\./.exec(version)?.[1] : undefined;
  return major === undefined || Number(major) < 6;
}

/** Renames and defaults of SAELens' own rule for configs written before 6.0. */
function modernise(json: JsonObject, where: string): JsonObject {
  const renamed: Record<string, Json> = {};
  const names: Readonly<Record<string, string>> = { hook_point: 'hook_name', hook_point_head_index: 'hook_head_index', activation_fn_str: 'activation_fn' };
  for (const [key, value] of Object.entries(json)) renamed[Object.hasOwn(names, key) ? (names[key] as string) : key] = value;
  const activation = renamed['activation_fn'] ?? 'relu';
  let architecture = renamed['architecture'] ?? 'standard';
  if (activation === 'topk') {
    const kwargs = renamed['activation_fn_kwargs'];
    const k = isObject(kwargs) ? kwargs['k'] : renamed['k'];
    if (k === undefined || k === null) {
      throw new SalmonError('bad-config', { what: 'A top-k SAE needs k', where: `${where}: activation_fn_kwargs.k`, expected: 'a whole number', got: 'nothing' });
    }
    architecture = 'topk';
    renamed['k'] = k;
  } else if (activation !== 'relu') {
    throw new SalmonError('unsupported', { what: 'Activation function is not known', where: `${where}: activation_fn`, expected: 'relu or topk', got: JSON.stringify(activation) });
  }
  const normalize = renamed['normalize_activations'];
  const metadata = isObject(renamed['metadata']) ? renamed['metadata'] : {};
  return {
    ...renamed,
    architecture,
    apply_b_dec_to_input: renamed['apply_b_dec_to_input'] ?? !String(architecture).endsWith('transcoder'),
    normalize_activations: normalize === true ? 'expected_average_only_in' : normalize === false || normalize === null ? 'none' : (normalize ?? 'none'),
    reshape_activations: renamed['reshape_activations'] ?? (text(renamed['hook_name']).includes('hook_z') ? 'hook_z' : 'none'),
    metadata: { ...Object.fromEntries(Object.entries(renamed).filter(([key]) => LLM_KEYS.includes(key))), prepend_bos: renamed['prepend_bos'] ?? true, ...metadata },
  };
}

/** Fields that every writer of this version states and that change the result: no default is guessed. */
function present(cfg: JsonObject, field: string, where: string): Json {
  const value = cfg[field];
  if (value !== undefined) return value;
  throw new SalmonError('bad-config', { what: `Field "${field}" is missing`, where, expected: field, got: Object.keys(cfg).join(', ').slice(0, 200) });
}

function dimension(cfg: JsonObject, field: string, where: string): number {
  const value = cfg[field];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  const got = value === undefined ? 'nothing' : JSON.stringify(value);
  throw new SalmonError('bad-config', { what: `Field "${field}" is missing or malformed`, where, expected: 'a whole number > 0', got });
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
