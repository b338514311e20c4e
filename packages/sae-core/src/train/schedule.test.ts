import { describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { standard } from '../architectures/standard.js';
import { deadLimit } from './dead-limit.js';
import { scheduleAt } from './schedule.js';
import { resolveSpec } from './train-spec.js';
import type { TrainingOptions } from './training-config.js';

const options = (own: Partial<TrainingOptions>): TrainingOptions => resolveSpec({ sae: standard({ latents: 4 }), training: own }, {}, ARCHITECTURES).config.training;
const rates = (own: Partial<TrainingOptions>, steps: readonly number[]): number[] => steps.map((s) => scheduleAt(options({ learningRate: 1, ...own }), s).learningRate);

describe('schedules', () => {
  it('warm-ups: from zero, from the first step, cosine from a tenth', () => {
    const plain = { steps: 100, lrDecay: 0, lrWarmup: 4 };
    expect(rates({ ...plain, lrWarmupShape: 'from-zero' }, [0, 1, 4, 99])).toEqual([0, 0.25, 1, 1]);
    expect(rates({ ...plain, lrWarmupShape: 'first-step' }, [0, 3, 4])).toEqual([0.25, 1, 1]);
    const cosine = rates({ ...plain, lrWarmupShape: 'cosine' }, [0, 2, 4]);
    expect(cosine[0]).toBeCloseTo(0.1);
    expect(cosine[1]).toBeCloseTo(0.55);
    expect(cosine[2]).toBe(1);
  });

  it('decays: linear and cosine, over a number or a share of steps, to an end value', () => {
    const plain = { steps: 10, lrWarmup: 0 };
    expect(rates({ ...plain, lrDecay: 5 }, [4, 5, 6, 9]).map((r) => Number(r.toFixed(6)))).toEqual([1, 1, 0.8, 0.2]);
    expect(rates({ ...plain, lrDecay: 0.5 }, [6])[0]).toBeCloseTo(0.8);
    expect(rates({ ...plain, lrDecay: 5, lrEnd: 0.5 }, [9])[0]).toBeCloseTo(0.6);
    expect(rates({ ...plain, lrDecay: 10, lrDecayShape: 'cosine' }, [0, 5]).map((r) => Number(r.toFixed(6)))).toEqual([1, 0.5]);
  });

  it('sparsity grows from 0 over its warm-up', () => {
    const at = (step: number): number => scheduleAt(options({ steps: 100, sparsityWarmup: 0.2 }), step).sparsity;
    expect([0, 5, 20, 90].map(at)).toEqual([0, 0.25, 1, 1]);
  });

  it('a latent is dead after 10 million tokens or a fifth of the run, unless said otherwise', () => {
    expect(deadLimit(options({ steps: 100, batch: 10 }))).toBe(200);
    expect(deadLimit(options({ steps: 1e6, batch: 1e4 }))).toBe(1e7);
    expect(deadLimit(options({ steps: 100, batch: 10, deadUnit: 'steps' }))).toBe(20);
    expect(deadLimit(options({ deadAfter: 7 }))).toBe(7);
  });
});
