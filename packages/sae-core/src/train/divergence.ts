import type { Cursor } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { WarningEvent } from '../train-event.js';
import type { StepNumbers } from './learner.js';
import type { TrainConfig } from './train-spec.js';

/**
 * Watches one SAE's logged numbers: a loss or gradient that is not finite ends the run at once, FVU above 1 or no active latent
 * at all only after `divergencePatience` steps, with a warning when it begins.
 */
export class DivergenceWatch {
  private readonly config: TrainConfig;
  private readonly cursors: (Cursor | undefined)[];
  private trouble: { readonly what: string; readonly since: number } | undefined;

  constructor(config: TrainConfig) {
    this.config = config;
    this.cursors = new Array<Cursor | undefined>(config.training.logEvery);
  }

  /** Notes which batch a step (from 1) is made on, so that a bad step can be traced to its rows. */
  batch(step: number, cursor: Cursor | undefined): void {
    this.cursors[step % this.cursors.length] = cursor;
  }

  /** @throws SalmonError diverged, with the step and the batch's position */
  check(numbers: StepNumbers): readonly WarningEvent[] {
    if (numbers.firstBad > 0) {
      throw this.error('The loss or its gradient is no longer a finite number', numbers.firstBad, 'Lower the learning rate, or look for broken activations in that batch');
    }
    const what = numbers.fve < 0 ? 'The reconstruction is worse than the mean of the batch (FVU above 1)' : numbers.l0 === 0 ? 'Not one latent is active' : undefined;
    if (what === undefined || what !== this.trouble?.what) {
      this.trouble = what === undefined ? undefined : { what, since: numbers.step };
      return what === undefined ? [] : [{ kind: 'warning', sae: this.config.id, step: numbers.step, message: what }];
    }
    if (numbers.step - this.trouble.since >= this.config.training.divergencePatience) {
      throw this.error(`${what}, without a break since step ${this.trouble.since}`, numbers.step, 'Lower the learning rate or the sparsity coefficient');
    }
    return [];
  }

  private error(what: string, step: number, todo: string): SalmonError {
    const cursor = this.cursors[step % this.cursors.length];
    const place = cursor === undefined ? '' : `, batch ending at ${cursor.source} shard ${cursor.shard} row ${cursor.row}`;
    return new SalmonError('diverged', { what, where: `${this.config.id}, step ${step}${place}`, todo });
  }
}
