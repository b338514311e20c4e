import type { MetricRow } from '@salmon-sae/dataflow';
import type { Sampled } from '../documents/estimate.js';
import { interval } from '../documents/estimate.js';

/** What a set of metric rows is about. */
export interface RowSubject {
  readonly run: string;
  readonly sae: string;
  readonly split: string;
  readonly domain: string;
  /** Training step of the SAE (default −1: finished). */
  readonly step?: number;
}

/** Metric rows with 95% intervals, in the order given. */
export function toRows(
  metrics: Readonly<Record<string, Sampled>> | readonly Sampled[],
  subject: RowSubject,
): readonly MetricRow[] {
  const list: readonly Sampled[] = Array.isArray(metrics) ? metrics : Object.values(metrics);
  return list.map((sampled) => {
    const { value, low, high } = interval(sampled);
    return {
      run: subject.run,
      sae: subject.sae,
      step: subject.step ?? -1,
      metric: sampled.metric,
      split: subject.split,
      domain: subject.domain,
      value,
      ...(low === undefined ? {} : { low }),
      ...(high === undefined ? {} : { high }),
    };
  });
}
