import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { AnyArchitecture, ArchitectureConfig, SaeArchitecture } from './architecture.js';
import { parseConfig } from './base-config.js';

export const REWEIGHTED_DEFAULTS = {
  /** gamma_i = variance_i^alpha; 1 in the paper. A few huge dimensions then rule the loss; 0.5 is milder. */
  alpha: 1,
  /** gamma is cut off at this multiple of its root mean square; null: not cut off. */
  maxWeight: null,
} as const;

const D = REWEIGHTED_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('reweighted'),
  latents: z.int().positive(),
  inner: z.looseObject({ kind: z.string(), latents: z.int().positive() }),
  alpha: z.number().nonnegative().default(D.alpha),
  maxWeight: z.number().positive().nullable().default(D.maxWeight),
});

export interface ReweightedConfig extends ArchitectureConfig {
  readonly kind: 'reweighted';
  readonly inner: ArchitectureConfig;
  readonly alpha: number;
  readonly maxWeight: number | null;
}

export interface ReweightedOptions {
  readonly alpha?: number;
  readonly maxWeight?: number | null;
}

/** Another SAE with the reweighted loss E||Gamma (x - recon)||^2 of WSAE (arXiv 2506.15963). */
export function reweighted(inner: ArchitectureConfig, options: ReweightedOptions = {}): ReweightedConfig {
  return parseConfig(schema, { kind: 'reweighted', latents: inner.latents, inner, ...options }, 'reweighted') as ReweightedConfig;
}

/** gamma [width]: variance^alpha, scaled so that its mean square is 1, which keeps learning rate and coefficients meaningful. */
export function dimensionWeights(values: Float32Array, width: number, config: Pick<ReweightedConfig, 'alpha' | 'maxWeight'>): Float32Array {
  const rows = values.length / width;
  const sums = new Float64Array(width);
  const squares = new Float64Array(width);
  for (let i = 0; i < values.length; i++) {
    sums[i % width]! += values[i]!;
    squares[i % width]! += values[i]! ** 2;
  }
  const raw = Float64Array.from({ length: width }, (_, d) => Math.max(squares[d]! / rows - (sums[d]! / rows) ** 2, 0) ** config.alpha);
  const unit = (gamma: Float64Array): Float64Array => {
    const rms = Math.sqrt(gamma.reduce((a, g) => a + g * g, 0) / width) || 1;
    return gamma.map((g) => g / rms);
  };
  const scaled = unit(raw);
  return Float32Array.from(config.maxWeight === null ? scaled : unit(scaled.map((g) => Math.min(g, config.maxWeight!))));
}

/**
 * The decorator over a list of architectures: everything is the inner architecture's, but squared errors are weighted per dimension. FVE is
 * reported unweighted.
 */
export function reweightedArchitecture(architectures: readonly AnyArchitecture[]): SaeArchitecture<ReweightedConfig> {
  const innerOf = (config: ReweightedConfig): SaeArchitecture => {
    const found = architectures.find((a) => a.kind === config.inner.kind);
    if (found === undefined) {
      throw new SalmonError('unknown-architecture', { what: 'There is no such SAE architecture to reweight', where: 'reweighted.inner.kind', got: config.inner.kind, expected: architectures.map((a) => a.kind).join(', ') });
    }
    return found as unknown as SaeArchitecture;
  };
  const inside = <T extends { readonly config: ReweightedConfig }>(context: T): T & { readonly config: never } => ({ ...context, config: context.config.inner }) as unknown as T & { readonly config: never };
  return {
    kind: 'reweighted',
    defaults: REWEIGHTED_DEFAULTS,
    schema: schema.transform((config) => {
      const inner = innerOf(config as ReweightedConfig);
      return { ...config, inner: parseConfig(inner.schema, config.inner, 'reweighted.inner') } as ReweightedConfig;
    }) as unknown as z.ZodType<ReweightedConfig>,
    training: {},
    trainingFor: (config) => innerOf(config).trainingFor?.(config.inner) ?? innerOf(config).training,
    init: (config, context) => innerOf(config).init(config.inner, context),
    initState: (config, context) => innerOf(config).initState?.(config.inner, context) ?? {},
    fitState: (config, data) => ({
      ...innerOf(config).fitState?.(config.inner, data),
      dimension_weight: { shape: [data.width], data: dimensionWeights(data.target, data.width, config) },
    }),
    encode: (context) => innerOf(context.config).encode(inside(context)),
    decode: (context, codes) => innerOf(context.config).decode(inside(context), codes),
    loss: (context) => innerOf(context.config).loss(inside(context)),
    afterStep: (context) => innerOf(context.config).afterStep?.(inside(context)) ?? {},
    toInference: (trained) => innerOf(trained.config).toInference(inside(trained)),
  };
}
