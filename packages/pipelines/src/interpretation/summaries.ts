import type { Explanation } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { quantileOfSorted } from '@salmon-sae/metrics';

/** Mean over latents with its 95% interval; no interval below two latents. */
export interface MeanScore {
  readonly mean: number;
  readonly low?: number;
  readonly high?: number;
  readonly n: number;
}

/** One metric of one SAE beside its two chance controls; a control that was not run is absent. */
export interface ScoreSummary {
  readonly scorer: string;
  readonly metric: string;
  readonly own: MeanScore;
  /** The same latents judged with each other's explanations. */
  readonly shuffled?: MeanScore;
  /** Random directions as dense as the latents. */
  readonly random?: MeanScore;
}

const REPLICATES = 1000;

/** Mean and percentile bootstrap over latents (Efron 1979); undefined for no values. */
export function meanScore(values: readonly number[], seed: number): MeanScore | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, n };
  const draws = random(seed, 'mean-score');
  const means = Float64Array.from({ length: REPLICATES }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[draws.below(n)] as number;
    return sum / n;
  }).sort();
  return { mean, low: quantileOfSorted(means, 0.025), high: quantileOfSorted(means, 0.975), n };
}

/** One row per scorer and metric found, in the order in which they appear. */
export function summarise(own: readonly Explanation[], controls: { readonly random: readonly Explanation[]; readonly seed: number }): readonly ScoreSummary[] {
  const scores = own.flatMap((explanation) => explanation.scores);
  const names = [...new Map(scores.map(({ scorer, metric }) => [`${scorer}/${metric}`, { scorer, metric }])).values()];
  return names.flatMap(({ scorer, metric }): ScoreSummary[] => {
    const same = (list: Explanation['scores']): Explanation['scores'] => list.filter((s) => s.scorer === scorer && s.metric === metric);
    const mean = (values: readonly (number | undefined)[]): MeanScore | undefined => meanScore(values.filter((v): v is number => v !== undefined && Number.isFinite(v)), controls.seed);
    const self = mean(same(scores).map(({ value }) => value));
    if (self === undefined) return [];
    const shuffled = mean(same(scores).map(({ control }) => control));
    const chance = mean(same(controls.random.flatMap((explanation) => explanation.scores)).map(({ value }) => value));
    return [{ scorer, metric, own: self, ...(shuffled === undefined ? {} : { shuffled }), ...(chance === undefined ? {} : { random: chance }) }];
  });
}
