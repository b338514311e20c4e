import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { ArchitectureConfig } from './architecture.js';

/** Defaults of the fields that most architectures share. */
export const BASE_DEFAULTS = {
  /** b_dec is subtracted before the encoder (Bricken et al. 2023; off in Gemma Scope and dictionary_learning's JumpReLU). */
  applyDecoderBiasToInput: false,
  decoderBias: true,
  encoderBias: true,
  /** Norm of the decoder rows at the start: 1 (dictionary_learning, Gemma Scope); SAELens 0.1. */
  decoderInitNorm: 1,
  /** b_dec at the start; 'geometric-median' and 'mean' are of the first batch (dictionary_learning, OpenAI). */
  decoderBiasInit: 'zero',
  /** Per-token normalisation at run time, as SAELens' `normalize_activations`. */
  normalizeActivations: 'none',
  /** Reads one site and writes another: `target` is then required. */
  transcoder: false,
  /** Adds x W_skip^T to the output (skip transcoder). */
  skip: false,
} as const;

interface BaseOverrides {
  readonly applyDecoderBiasToInput?: boolean;
  readonly encoderBias?: boolean;
  readonly decoderInitNorm?: number;
  readonly decoderBiasInit?: 'zero' | 'mean' | 'geometric-median';
}

/** Zod fields of the shared part, with an architecture's own defaults laid over. */
export function baseFields(overrides: BaseOverrides = {}) {
  const d = { ...BASE_DEFAULTS, ...overrides };
  return {
    latents: z.int().positive(),
    applyDecoderBiasToInput: z.boolean().default(d.applyDecoderBiasToInput),
    decoderBias: z.boolean().default(d.decoderBias),
    encoderBias: z.boolean().default(d.encoderBias),
    decoderInitNorm: z.number().positive().default(d.decoderInitNorm),
    decoderBiasInit: z.enum(['zero', 'mean', 'geometric-median']).default(d.decoderBiasInit),
    normalizeActivations: z.enum(['none', 'layer_norm', 'constant_norm_rescale']).default(d.normalizeActivations),
    transcoder: z.boolean().default(d.transcoder),
    skip: z.boolean().default(d.skip),
  };
}

export type BaseConfig = z.output<z.ZodObject<ReturnType<typeof baseFields>>> & { readonly kind: string };

/** The shared fields of a configuration, or of the one that it decorates. */
export function sharedFields(config: ArchitectureConfig): Partial<BaseConfig> {
  return 'inner' in config ? sharedFields(config.inner as ArchitectureConfig) : (config as Partial<BaseConfig>);
}

/** Parses with a schema; a failure becomes one `SalmonError('bad-config')` that names every wrong field. */
export function parseConfig<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => {
    const path = issue.path.length === 0 ? 'the configuration' : issue.path.map(String).join('.');
    return `${path}: ${issue.message}`;
  });
  throw new SalmonError('bad-config', {
    what: `The configuration does not fit: ${issues.join('; ')}`,
    where,
    todo: 'Correct the fields named',
  });
}
