import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { ArchitectureConfig, DeadLatents, LossContext } from './architecture.js';
import { param } from './linear.js';
import { offTape } from './off-tape.js';
import { rowTopK } from './select.js';

/*
 * AuxK (arXiv 2406.04093, appendix A.2): the k_aux strongest dead latents reconstruct the detached residual. The peers differ in
 * every detail, so each detail is a value. In all of them the residual is detached and the bias is not decoded a second time.
 */

/** OpenAI's and dictionary_learning's coefficient and normalisation. */
export const AUX_DEFAULTS = {
  coefficient: 1 / 32,
  /** k_aux; null: half the width of what is reconstructed. */
  k: null,
  /** 'relu': activations after ReLU; 'pre': raw pre-activations, which may stay negative and so reach latents that never fire (SAELens). */
  source: 'relu',
  /** Divide by the variance of the residual (OpenAI, dictionary_learning), of the target (sparsify), or not (SAELens). */
  normalize: 'residual-variance',
  /** Multiply by min(dead / k_aux, 1) (SAELens, sparsify). */
  scaleByDead: false,
} as const;

/** SAELens 6.45. */
export const AUX_SAELENS = { coefficient: 1, k: null, source: 'pre', normalize: 'none', scaleByDead: true } as const;

export const auxSchema = z.strictObject({
  coefficient: z.number().nonnegative().default(AUX_DEFAULTS.coefficient),
  k: z.int().positive().nullable().default(AUX_DEFAULTS.k),
  source: z.enum(['relu', 'pre']).default(AUX_DEFAULTS.source),
  normalize: z.enum(['none', 'residual-variance', 'target-variance']).default(AUX_DEFAULTS.normalize),
  scaleByDead: z.boolean().default(AUX_DEFAULTS.scaleByDead),
});

export type AuxConfig = z.output<typeof auxSchema>;

/** Share of the residual's energy below which its variance is float32 rounding. */
export const AUX_ROUNDING = 1e-10;

export interface AuxInput {
  /** Pre-activations as the selection sees them, [B, F]. */
  readonly pre: tf.Tensor2D;
  readonly recon: tf.Tensor2D;
  /** From selected activations to what W_dec is multiplied with (divides by decoder norms where they were multiplied in). */
  decodable(acts: tf.Tensor2D): tf.Tensor2D;
}

/** The AuxK term, coefficient included; 0 where there is nothing dead. */
export function auxLoss(context: LossContext<ArchitectureConfig>, config: AuxConfig, input: AuxInput & { readonly dead: DeadLatents | undefined }): tf.Scalar {
  const { dead, pre, recon } = input;
  if (config.coefficient === 0 || dead === undefined) return tf.scalar(0);
  const wanted = config.k ?? Math.floor(recon.shape[1] / 2);
  const k = Math.min(wanted, dead.count);
  const source = config.source === 'relu' ? tf.relu(pre) : pre;
  const mask = offTape(() => {
    const candidates = tf.where(tf.reshape(dead.mask, [1, -1]), source, tf.fill(source.shape, -Infinity)) as tf.Tensor2D;
    return tf.mul<tf.Tensor2D>(rowTopK(candidates, k), tf.cast(dead.mask, 'float32'));
  });
  const aux = tf.matMul<tf.Tensor2D>(input.decodable(tf.mul(source, mask)), param<tf.Tensor2D>(context.params, 'W_dec'));
  const residual = offTape(() => context.residual(recon));
  const rows = recon.shape[0];
  const error = tf.div(tf.sum(tf.square(tf.sub(aux, residual))), rows);
  const variance = offTape(() => {
    if (config.normalize === 'none') return tf.scalar(1);
    const of = config.normalize === 'residual-variance' ? residual : context.target;
    return tf.div<tf.Scalar>(tf.sum(tf.square(tf.sub(of, tf.mean(of, 0)))), rows);
  });
  const factor = config.coefficient * (config.scaleByDead ? Math.min(dead.count / wanted, 1) : 1);
  // A residual without variance (but for rounding) would divide by nothing: the term is 0 then (nan_to_num in the references).
  const fine = offTape(() => tf.greater<tf.Scalar>(variance, tf.mul(tf.div(tf.sum(tf.square(residual)), rows), AUX_ROUNDING)));
  return tf.where(fine, tf.mul(tf.div(error, tf.where(fine, variance, tf.onesLike(variance))), factor), tf.scalar(0)) as tf.Scalar;
}
