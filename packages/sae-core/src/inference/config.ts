import { SalmonError } from '@salmon-sae/dataflow';
import type { Json, SaeState } from '@salmon-sae/dataflow';
import { z } from 'zod';

/** How pre-activations become codes. */
export type Activation = 'standard' | 'jumprelu' | 'topk' | 'groupmax' | 'gated' | 'matching_pursuit' | 'temporal' | 'switch';

/**
 * The kinds that `openSae` runs. Names are SAELens' architectures where it has them; `[activation_][skip_]transcoder`
 * goes on where it has none (sparsify's top-k and group-max transcoders). `switch`: experts behind a router.
 */
export const SAE_KINDS = [
  'standard',
  'jumprelu',
  'topk',
  'groupmax',
  'gated',
  'matching_pursuit',
  'temporal',
  'switch',
  'transcoder',
  'skip_transcoder',
  'jumprelu_transcoder',
  'jumprelu_skip_transcoder',
  'topk_transcoder',
  'topk_skip_transcoder',
  'groupmax_transcoder',
  'groupmax_skip_transcoder',
] as const;

export type SaeKind = (typeof SAE_KINDS)[number];

export const NORMALIZATIONS = [
  'none',
  'expected_average_only_in',
  'layer_norm',
  'constant_norm_rescale',
  'constant_scalar_rescale',
] as const;

export type Normalization = (typeof NORMALIZATIONS)[number];

const count = z.int().positive();

/** `SaeState.config`: SAELens' cfg vocabulary. What is left out takes the default said here. */
const schema = z.object({
  kind: z.enum(SAE_KINDS),
  /** Default: the shapes of the weights. */
  d_in: count.optional(),
  d_sae: count.optional(),
  d_out: count.optional(),
  /** Whether b_dec is taken from the input before encoding. Default: true, and false for transcoders. */
  apply_b_dec_to_input: z.boolean().optional(),
  normalize_activations: z.enum(NORMALIZATIONS).default('none'),
  reshape_activations: z.enum(['none', 'hook_z']).default('none'),
  /** Top-k, group-max and switch: latents kept per row. */
  k: count.optional(),
  /** Top-k: select on activations times the norm of the decoder row; decoding divides it out. */
  rescale_acts_by_decoder_norm: z.boolean().default(false),
  /** Matching pursuit. `max_iterations` null: as many as the width. */
  residual_threshold: z.number().nonnegative().default(1e-2),
  max_iterations: count.nullable().default(null),
  stop_on_duplicate_support: z.boolean().default(true),
  /** Temporal. */
  n_heads: count.default(8),
  n_attn_layers: count.default(1),
  bottleneck_factor: count.default(64),
  sae_diff_type: z.enum(['relu', 'topk']).default('topk'),
  kval_topk: count.nullable().default(null),
  tied_weights: z.boolean().default(true),
  activation_normalization_factor: z.number().positive().default(1),
  /** Switch: experts, and how many of them a row goes to. */
  experts: count.default(1),
  active_experts: count.default(1),
  metadata: z.record(z.string(), z.unknown()).default({}),
});

/** A config with every field that inference needs, and what its kind means. */
export interface ResolvedConfig {
  readonly kind: SaeKind;
  readonly activation: Activation;
  readonly transcoder: boolean;
  readonly skip: boolean;
  readonly d_in: number;
  readonly d_sae: number;
  readonly d_out: number;
  readonly apply_b_dec_to_input: boolean;
  readonly normalize_activations: Normalization;
  readonly reshape_activations: 'none' | 'hook_z';
  readonly k: number | undefined;
  readonly rescale_acts_by_decoder_norm: boolean;
  readonly residual_threshold: number;
  readonly max_iterations: number | null;
  readonly stop_on_duplicate_support: boolean;
  readonly n_heads: number;
  readonly n_attn_layers: number;
  readonly bottleneck_factor: number;
  readonly sae_diff_type: 'relu' | 'topk';
  readonly kval_topk: number | null;
  readonly tied_weights: boolean;
  readonly activation_normalization_factor: number;
  readonly experts: number;
  readonly active_experts: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function isSaeKind(value: unknown): value is SaeKind {
  return SAE_KINDS.includes(value as SaeKind);
}

/** `jumprelu_skip_transcoder` -> jumprelu, transcoder, skip. */
export function kindParts(kind: SaeKind): { readonly activation: Activation; readonly transcoder: boolean; readonly skip: boolean } {
  const transcoder = kind.endsWith('transcoder');
  const skip = kind.endsWith('skip_transcoder');
  const activation = kind.replace(/_?(skip_)?transcoder$/, '') || 'standard';
  return { activation: activation as Activation, transcoder, skip };
}

/** The kind with these parts, or undefined where no such kind exists (a gated transcoder, say). */
export function kindOf(activation: Activation, transcoder: boolean, skip: boolean): SaeKind | undefined {
  const tail = skip ? 'skip_transcoder' : 'transcoder';
  const kind = !transcoder ? activation : activation === 'standard' ? tail : `${activation}_${tail}`;
  return (transcoder || !skip) && isSaeKind(kind) ? kind : undefined;
}

/**
 * Checks a state's config and fills in its defaults; sizes come from the config or, where it has none, from the weights.
 * @throws SalmonError `unknown-architecture`, or `bad-config` naming the field.
 */
export function resolveConfig(state: Pick<SaeState, 'config' | 'weights'>): ResolvedConfig {
  const kind: Json = state.config.kind;
  if (!isSaeKind(kind)) {
    throw new SalmonError('unknown-architecture', {
      what: 'This kind of SAE cannot be run',
      where: 'config.kind',
      expected: SAE_KINDS.join(', '),
      got: String(kind),
    });
  }
  const parsed = schema.safeParse(state.config);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join('.') ?? '';
    throw new SalmonError('bad-config', {
      what: `SAE config: ${issue?.message ?? 'invalid'}`,
      where: `config.${field}`,
      got: JSON.stringify(field === '' ? state.config : state.config[field]),
    });
  }
  const parts = kindParts(kind);
  const decoder = state.weights['W_dec']?.shape ?? [];
  const encoder = state.weights['W_enc']?.shape ?? [];
  const d_out = parsed.data.d_out ?? (parts.transcoder ? decoder[1] : (parsed.data.d_in ?? decoder[1])) ?? 0;
  const d_in = parsed.data.d_in ?? (parts.transcoder ? encoder[0] : d_out) ?? 0;
  const d_sae = parsed.data.d_sae ?? decoder[0] ?? 0;
  const config: ResolvedConfig = {
    ...parsed.data,
    ...parts,
    k: parsed.data.k,
    d_in,
    d_sae,
    d_out,
    apply_b_dec_to_input: parsed.data.apply_b_dec_to_input ?? !parts.transcoder,
  };
  checkContradictions(config);
  return config;
}

function checkContradictions(config: ResolvedConfig): void {
  const refuse = (what: string, field: string, expected: string, got: unknown): never => {
    throw new SalmonError('bad-config', { what, where: `config.${field}`, expected, got: String(got) });
  };
  const { activation, k, d_sae } = config;
  if (activation === 'topk' || activation === 'groupmax' || activation === 'switch') {
    if (k === undefined) refuse(`A ${activation} SAE needs k`, 'k', `a whole number from 1 to ${d_sae}`, 'nothing');
    else if (k > d_sae) refuse('k is larger than the number of latents', 'k', `at most ${d_sae}`, k);
    else if (activation === 'groupmax' && d_sae % k !== 0) refuse('Latents do not fall into k equal groups', 'k', `a divisor of ${d_sae}`, k);
  }
  if (config.transcoder && config.apply_b_dec_to_input && config.d_in !== config.d_out) {
    refuse('b_dec has the output width and cannot be taken from the input', 'apply_b_dec_to_input', 'false', true);
  }
  if (!config.transcoder && config.d_in !== config.d_out) {
    refuse('Only transcoders may have an output width of their own', 'd_out', `${config.d_in}`, config.d_out);
  }
  if (config.normalize_activations === 'constant_scalar_rescale' && activation !== 'temporal') {
    refuse('Only temporal SAEs carry a constant scalar', 'normalize_activations', 'another normalisation', 'constant_scalar_rescale');
  }
  if (config.transcoder && !['none', 'expected_average_only_in'].includes(config.normalize_activations) && config.d_in !== config.d_out) {
    refuse('Run-time normalisation cannot be undone on another width', 'normalize_activations', 'none', config.normalize_activations);
  }
  if (activation === 'switch') {
    const { experts, active_experts: active } = config;
    if (d_sae % experts !== 0) refuse('Latents do not fall into equal experts', 'experts', `a divisor of ${d_sae}`, experts);
    if (active > experts) refuse('More experts are active than there are', 'active_experts', `at most ${experts}`, active);
  }
  if (activation === 'temporal') {
    const { n_heads: heads, bottleneck_factor: factor, kval_topk: kept } = config;
    if (d_sae % (heads * factor) !== 0) refuse('Attention heads do not divide the latents', 'n_heads', `n_heads x bottleneck_factor a divisor of ${d_sae}`, `${heads} x ${factor}`);
    if (kept !== null && kept > d_sae) refuse('kval_topk is larger than the number of latents', 'kval_topk', `at most ${d_sae}`, kept);
  }
}
