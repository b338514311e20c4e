import type { Explanation } from '@salmon-sae/dataflow';
import { interval, sampleMean } from '@salmon-sae/metrics';

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

/** Mean and percentile bootstrap over latents (Efron 1979); undefined for no values. */
export function meanScore(values: readonly number[], seed: number): MeanScore | undefined {
  if (values.length === 0) return undefined;
  const { value, ...bounds } = interval(sampleMean('mean', values, { seed }));
  return { mean: value, ...bounds, n: values.length };
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
