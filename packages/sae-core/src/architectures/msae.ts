import { tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { LossContext, LossResult, SaeArchitecture } from './architecture.js';
import { baseFields, parseConfig } from './base-config.js';
import { affineDecode, foldedLinear, inferenceFields, inferenceKind, initLinear, preActivations } from './linear.js';
import { offTape } from './off-tape.js';

export const MSAE_DEFAULTS = {
  /** Nested k, growing; null: doubling from 64 (or latents / 32, if less) up to all latents, as in the paper. */
  ks: null,
  /** 'uniform': every k weighs 1 (UW); 'reverse': weights fall linearly, the smallest k weighs most (RW). */
  weighting: 'uniform',
  applyDecoderBiasToInput: true,
  /** Decoder rows of norm 0.1 at the start (the authors' code). */
  decoderInitNorm: 0.1,
} as const;

const D = MSAE_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('msae'),
  ...baseFields({ applyDecoderBiasToInput: D.applyDecoderBiasToInput, decoderInitNorm: D.decoderInitNorm }),
  ks: z.array(z.int().positive()).min(1).nullable().default(D.ks),
  weighting: z.enum(['uniform', 'reverse']).default(D.weighting),
});

export type MsaeConfig = z.output<typeof schema>;
export type MsaeOptions = Omit<z.input<typeof schema>, 'kind'>;

/** MSAE (arXiv 2502.20578): one ReLU code that must reconstruct at every k of a nested list; evaluated with all its latents. */
export function msae(options: MsaeOptions): MsaeConfig {
  const config = parseConfig(schema, { kind: 'msae', ...options }, 'msae');
  nestedK(config);
  return config;
}

/** The nested list. @throws SalmonError bad-config where it does not grow */
export function nestedK({ ks, latents }: Pick<MsaeConfig, 'ks' | 'latents'>): readonly number[] {
  if (ks === null) {
    const list: number[] = [];
    for (let k = Math.max(1, Math.min(64, Math.floor(latents / 32))); k < latents; k *= 2) list.push(k);
    return [...list, latents];
  }
  if (ks.some((k, i) => k <= (ks[i - 1] ?? 0) || k > latents)) {
    throw new SalmonError('bad-config', { what: 'The nested k do not grow', where: 'msae.ks', expected: `strictly growing numbers up to ${latents}`, got: ks.join(', ') });
  }
  return ks;
}

/** TopK_k(a) for each k, from one sorted top-k. */
function nestedCodes(acts: tf.Tensor2D, ks: readonly number[]): readonly tf.Tensor2D[] {
  const latents = acts.shape[1];
  const widest = Math.max(0, ...ks.filter((k) => k < latents));
  if (widest === 0) return ks.map(() => acts);
  const sorted = offTape(() => tf.topk(acts, widest, true).values as tf.Tensor2D);
  return ks.map((k) => {
    if (k >= latents) return acts;
    const mask = offTape(() => tf.cast(tf.greaterEqual(acts, tf.slice2d(sorted, [0, k - 1], [acts.shape[0], 1])), 'float32'));
    return tf.mul(acts, mask);
  });
}

function loss(context: LossContext<MsaeConfig>): LossResult {
  const { config } = context;
  const ks = nestedK(config);
  const acts = tf.relu(preActivations(context));
  const codes = nestedCodes(acts, ks);
  const alpha = ks.map((_, i) => (config.weighting === 'uniform' ? 1 : ks.length - i));
  const sum = alpha.reduce((a, b) => a + b, 0);
  const recons = codes.map((z) => affineDecode(context, z));
  // arXiv 2502.20578 eq. 5: the weighted mean of the reconstruction losses
  const parts = Object.fromEntries(recons.map((recon, i) => [`mse_${ks[i]}`, tf.mul<tf.Scalar>(context.squaredError(recon), alpha[i]! / sum)]));
  return { total: tf.addN(Object.values(parts)), parts, codes: codes.at(-1)!, recon: recons.at(-1)! };
}

export const msaeArchitecture: SaeArchitecture<MsaeConfig> = {
  kind: 'msae',
  defaults: MSAE_DEFAULTS as unknown as Record<string, never>,
  schema: schema as z.ZodType<MsaeConfig>,
  // The authors' optimiser.
  training: { learningRate: 1e-4, epsilon: 6.25e-10, sparsityWarmup: 0 },
  init: initLinear,
  encode: (context) => tf.relu(preActivations(context)),
  decode: affineDecode,
  loss,
  toInference: ({ config, params, scale }) => ({
    config: { kind: inferenceKind('standard', config), ...inferenceFields(config, params) },
    weights: foldedLinear(params, scale),
  }),
};
