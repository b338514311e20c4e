import type { Json } from '@salmon-sae/dataflow';
import type { Sampled } from '@salmon-sae/metrics';
import { sampledFromJson, sampledToJson } from '@salmon-sae/metrics';

/** Everything measured of one SAE on one held-out text, with bootstrap replicates so that any two SAEs can be paired. */
export interface MeasuredSae {
  readonly sae: string;
  /** Metric id -> value and replicates; special tokens left out, whatever the SAEs were trained on. */
  readonly metrics: Readonly<Record<string, Sampled>>;
  /** The same with special tokens left in, as arXiv 2508.09363 scored its own SAEs. */
  readonly withSpecials: Readonly<Record<string, Sampled>>;
  /** [F] tokens on which each latent was active. */
  readonly active: readonly number[];
  readonly tokens: number;
}

export interface MeasuredText {
  readonly text: string;
  readonly tokens: number;
  readonly documents: number;
  readonly saes: readonly MeasuredSae[];
}

export function measuredToJson(measured: MeasuredText): Json {
  return {
    text: measured.text,
    tokens: measured.tokens,
    documents: measured.documents,
    saes: measured.saes.map((sae) => ({
      sae: sae.sae,
      tokens: sae.tokens,
      metrics: mapValues(sae.metrics, sampledToJson),
      otherSpecials: mapValues(sae.withSpecials, sampledToJson),
      active: sae.active,
    })),
  };
}

export function measuredFromJson(json: Json): MeasuredText {
  const stored = json as unknown as {
    text: string;
    tokens: number;
    documents: number;
    saes: { sae: string; tokens: number; metrics: Record<string, Json>; otherSpecials: Record<string, Json>; active: number[] }[];
  };
  return {
    ...stored,
    saes: stored.saes.map(({ otherSpecials, ...sae }) => ({
      ...sae,
      metrics: mapValues(sae.metrics, sampledFromJson),
      withSpecials: mapValues(otherSpecials, sampledFromJson),
    })),
  };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, fn: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fn(value)]));
}
