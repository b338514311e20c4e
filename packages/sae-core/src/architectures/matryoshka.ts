import { tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { DeadLatents, LossContext, LossResult, SaeArchitecture } from './architecture.js';
import { auxLoss } from './aux-k.js';
import { parseConfig } from './base-config.js';
import { BATCH_SELECTED, batchSelection } from './batch-topk.js';
import { initLinear, param, withOutputTerms } from './linear.js';
import { offTape } from './off-tape.js';
import { batchTopK, smallestPositive } from './select.js';
import { averagedThreshold } from './threshold-average.js';
import { decodeSelected, selectable, TOPK_DEFAULTS, TOPK_TRAINING, topKFields } from './topk-parts.js';

export const MATRYOSHKA_DEFAULTS = {
  k: 32,
  /** Nested prefixes as shares of the latents (the groups 1/16, 1/16, 1/8, 1/4, 1/2 of arXiv 2503.17547), or absolute widths. */
  widths: [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1],
  /** 'mean' over the prefixes (the authors' code, dictionary_learning) or 'sum' (SAELens). */
  combine: 'mean',
  /** One AuxK term for each prefix: its error, reconstructed by the dead latents of its last group (SAELens' use_matryoshka_aux_loss). */
  auxPerLevel: false,
} as const;

const D = MATRYOSHKA_DEFAULTS;

const schema = z.strictObject({
  kind: z.literal('matryoshka'),
  ...topKFields(),
  k: z.number().positive().default(D.k),
  widths: z.array(z.number().positive()).min(1).default([...D.widths]),
  combine: z.enum(['mean', 'sum']).default(D.combine),
  auxPerLevel: z.boolean().default(D.auxPerLevel),
});

export type MatryoshkaConfig = z.output<typeof schema>;
export type MatryoshkaOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A Matryoshka SAE (arXiv 2503.17547): one BatchTopK code whose nested prefixes must each reconstruct alone. */
export function matryoshka(options: MatryoshkaOptions): MatryoshkaConfig {
  const config = parseConfig(schema, { kind: 'matryoshka', ...options }, 'matryoshka');
  prefixWidths(config);
  return config;
}

/** Absolute widths of the prefixes, the whole included. @throws SalmonError bad-config where they do not grow */
export function prefixWidths(config: Pick<MatryoshkaConfig, 'widths' | 'latents'>): readonly number[] {
  const absolute = config.widths.map((w) => (w <= 1 && config.latents > 1 ? Math.round(w * config.latents) : Math.round(w)));
  if (absolute.at(-1) !== config.latents) absolute.push(config.latents);
  if (absolute.some((w, i) => w <= (absolute[i - 1] ?? 0) || w > config.latents)) {
    throw new SalmonError('bad-config', { what: 'The nested widths do not grow', where: 'matryoshka.widths', expected: `strictly growing widths up to ${config.latents}`, got: absolute.join(', ') });
  }
  return absolute;
}

/** Reconstruction of each prefix [B, dOut], each group decoded once and summed up (the last one is the whole). */
function prefixReconstructions(context: LossContext<MatryoshkaConfig>, decodable: tf.Tensor2D, widths: readonly number[]): readonly tf.Tensor2D[] {
  const W_dec = param<tf.Tensor2D>(context.params, 'W_dec');
  const rows = decodable.shape[0];
  let sum: tf.Tensor2D | undefined;
  return widths.map((to, level) => {
    const from = widths[level - 1] ?? 0;
    const group = tf.matMul<tf.Tensor2D>(tf.slice2d(decodable, [0, from], [rows, to - from]), tf.slice2d(W_dec, [from, 0], [to - from, W_dec.shape[1]]));
    sum = sum === undefined ? group : tf.add<tf.Tensor2D>(sum, group);
    return withOutputTerms(context, sum);
  });
}

function loss(context: LossContext<MatryoshkaConfig>): LossResult {
  const { config } = context;
  const widths = prefixWidths(config);
  const { codes, pre, decodable } = batchSelection(context);
  const recons = prefixReconstructions(context, decodable(codes), widths);
  const factor = config.combine === 'mean' ? 1 / widths.length : 1;
  const parts: Record<string, tf.Scalar> = {};
  recons.forEach((recon, level) => {
    const name = level === widths.length - 1 ? 'mse' : `inner_${widths[level]}`;
    parts[name] = tf.mul(context.squaredError(recon), factor);
  });
  const recon = recons.at(-1)!;
  if (config.aux.coefficient > 0) {
    const dead = context.dead(codes);
    const levels = config.auxPerLevel ? widths.map((_, level) => level) : [widths.length - 1];
    parts['aux'] = tf.addN(
      levels.map((level) =>
        auxLoss(context, config.aux, { pre, recon: recons[level]!, decodable, dead: config.auxPerLevel ? deadIn(dead, widths[level - 1] ?? 0, widths[level]!) : dead }),
      ),
    ) as tf.Scalar;
  }
  return { total: tf.addN(Object.values(parts)), parts, codes, recon, carry: { smallest: smallestPositive(codes) } };
}

/** The dead latents that a prefix adds to the one before. */
function deadIn(dead: DeadLatents | undefined, from: number, to: number): DeadLatents | undefined {
  if (dead === undefined) return undefined;
  const mask = offTape(() => {
    const index = tf.range(0, dead.mask.size, 1, 'int32');
    return tf.logicalAnd(dead.mask, tf.logicalAnd(tf.greaterEqual(index, from), tf.less(index, to))) as tf.Tensor1D;
  });
  const count = (tf.sum(tf.cast(mask, 'int32')).dataSync() as Int32Array)[0]!;
  return count === 0 ? undefined : { mask, count };
}

export const matryoshkaArchitecture: SaeArchitecture<MatryoshkaConfig> = {
  kind: 'matryoshka',
  defaults: { ...TOPK_DEFAULTS, ...MATRYOSHKA_DEFAULTS },
  schema: schema as z.ZodType<MatryoshkaConfig>,
  training: TOPK_TRAINING,
  init: initLinear,
  ...BATCH_SELECTED,
  encode(context) {
    const acts = tf.relu(selectable(context).pre);
    return tf.mul(acts, batchTopK(acts, Math.floor(context.config.k * acts.shape[0])));
  },
  decode: decodeSelected,
  loss,
  afterStep: (context) => ({ state: averagedThreshold(context.config.threshold, context) }),
};
