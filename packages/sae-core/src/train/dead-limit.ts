import type { TrainingOptions } from './training-config.js';

const TEN_MILLION = 10_000_000;

/** Silence after which a latent is dead, in `deadUnit`; by default 10 million tokens or a fifth of the run, whichever is less. */
export function deadLimit(training: TrainingOptions): number {
  if (training.deadAfter !== null) return training.deadAfter;
  const tokens = Math.min(TEN_MILLION, 0.2 * training.steps * training.batch);
  return Math.max(1, training.deadUnit === 'tokens' ? tokens : tokens / training.batch);
}
