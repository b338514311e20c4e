import type { StepSchedule, TrainingOptions } from './training-config.js';

/** A length in steps: at least 1 = steps as they are, below 1 = share of the run. */
export function lengthInSteps(length: number, steps: number): number {
  return length >= 1 ? Math.round(length) : Math.round(length * steps);
}

/** Learning rate and sparsity multiplier at a step (from 0). */
export function scheduleAt(options: TrainingOptions, step: number): StepSchedule {
  return {
    step,
    steps: options.steps,
    learningRate: options.learningRate * warmUp(options, step) * decay(options, step),
    sparsity: ramp(step, lengthInSteps(options.sparsityWarmup, options.steps)),
  };
}

function ramp(step: number, length: number): number {
  return length === 0 ? 1 : Math.min(step / length, 1);
}

function warmUp(options: TrainingOptions, step: number): number {
  const n = lengthInSteps(options.lrWarmup, options.steps);
  if (n === 0 || step >= n) return 1;
  if (options.lrWarmupShape === 'first-step') return (step + 1) / n;
  if (options.lrWarmupShape === 'from-zero') return step / n;
  return 0.1 + 0.45 * (1 - Math.cos((Math.PI * step) / n));
}

function decay(options: TrainingOptions, step: number): number {
  const n = lengthInSteps(options.lrDecay, options.steps);
  const start = options.steps - n;
  if (n === 0 || step < start) return 1;
  const t = Math.min((step - start) / n, 1);
  const share = options.lrDecayShape === 'linear' ? 1 - t : (1 + Math.cos(Math.PI * t)) / 2;
  return options.lrEnd + (1 - options.lrEnd) * share;
}
