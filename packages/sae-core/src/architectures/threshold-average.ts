import { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import { lengthInSteps } from '../train/schedule.js';
import type { AfterStepContext, ArchitectureConfig, TensorMap } from './architecture.js';

/*
 * Inference threshold of top-k SAEs that select over a batch: a moving average of the smallest kept positive activation
 * (arXiv 2412.06410 section 3; SAELens' and dictionary_learning's rules differ).
 */

export const THRESHOLD_DEFAULTS = {
  /** 'from-first': unset until the first value, then an average (dictionary_learning); 'from-zero': starts at 0 (SAELens); 'none'. */
  rule: 'from-first',
  /** Share of the newest value: SAELens 0.01, dictionary_learning 0.001. */
  rate: 0.01,
  /** Steps before the first value is taken (a length: below 1 = share of the run); dictionary_learning 1000. */
  after: 0,
} as const;

export const thresholdSchema = z.strictObject({
  rule: z.enum(['from-first', 'from-zero', 'none']).default(THRESHOLD_DEFAULTS.rule),
  rate: z.number().positive().max(1).default(THRESHOLD_DEFAULTS.rate),
  after: z.number().nonnegative().default(THRESHOLD_DEFAULTS.after),
});

export type ThresholdConfig = z.output<typeof thresholdSchema>;

/** Value at step 0; -1 = unset. */
export function initialThreshold(config: ThresholdConfig): number {
  return config.rule === 'from-first' ? -1 : 0;
}

/** The state after a step whose smallest kept activation is `carry.smallest` (not finite: nothing was active, no change). */
export function averagedThreshold(config: ThresholdConfig, context: AfterStepContext<ArchitectureConfig>): TensorMap {
  const before = context.state['threshold'];
  const smallest = context.carry['smallest'];
  const { step, steps } = context.schedule;
  const waiting = config.after > 0 && step <= lengthInSteps(config.after, steps);
  if (config.rule === 'none' || before === undefined || smallest === undefined || waiting) return {};
  const averaged = tf.add(tf.mul(before, 1 - config.rate), tf.mul(smallest, config.rate));
  const next = config.rule === 'from-first' ? tf.where(tf.less(before, 0), smallest, averaged) : averaged;
  return { threshold: tf.where(tf.isFinite(smallest), next, before) };
}
