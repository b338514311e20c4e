import type { ExplanationScore } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import type { LatentExamples } from '../examples/examples.js';
import type { Explained } from '../explain/explainer.js';
import { pearsonInterval } from '../statistics/correlation.js';
import { wilson } from '../statistics/interval.js';
import type { Interval } from '../statistics/interval.js';
import { controlOf } from './control-of.js';
import { bothClasses, settings } from './detection-score.js';
import type { ScoreOptions } from './detection-score.js';
import type { Judge } from './judge.js';

export interface SimulationScore {
  readonly method: string;
  /** Pearson correlation of simulated and true activations over the tokens of all windows together. */
  readonly correlation: Interval;
  readonly failures: Interval;
}

/**
 * Simulation (Bills et al. 2023): a judge predicts the activation of every token from the explanation; the score is the
 * correlation with the truth over activating windows of all quantiles and random silent ones. Interval: bootstrap over windows.
 */
export async function simulationScore(
  examples: LatentExamples,
  by: { readonly explained: Explained; readonly judge: Judge },
  options: ScoreOptions = {},
): Promise<SimulationScore | undefined> {
  const items = [...examples.scorer.quantiles.flat(), ...examples.scorer.random];
  if (!bothClasses(items)) return undefined;
  const shown = random(options.seed ?? 0, 'simulation', examples.sae, examples.latent).shuffle([...items]);
  const answers = await by.judge.simulate(by.explained, shown.map(({ ids, offset }) => ({ ids, offset })));
  const read = shown.flatMap((item, i) => {
    const simulated = answers[i];
    return simulated === undefined || simulated.length !== item.activations.length ? [] : [{ item, simulated }];
  });
  return {
    method: by.judge.method,
    correlation: pearsonInterval(
      read.map(({ item, simulated }) => [simulated, item.activations] as const),
      read.map(({ item }) => (item.kind === 'activating' ? 1 : 0)),
      settings(options),
    ),
    failures: wilson(shown.length - read.length, shown.length),
  };
}

export function simulationScores(score: SimulationScore, control?: SimulationScore): readonly ExplanationScore[] {
  const { value, low, high, n } = score.correlation;
  return [{ scorer: 'simulation', metric: 'correlation', value, low, high, n, ...controlOf(control?.correlation) }];
}
