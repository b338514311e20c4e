import type { Json } from '@salmon-sae/dataflow';
import type { LlmUsage } from '@salmon-sae/autointerp';
import type { Interpretation } from './interpret-saes.js';

/** What was asked, for the head of the file. */
export interface ScoresHead {
  readonly model: string;
  readonly modelHash: string;
  readonly hook: string;
  readonly data: string;
  readonly tokens: number;
  readonly client: string;
  readonly scorers: readonly string[];
  readonly seed: number;
  readonly usage: LlmUsage | undefined;
}

/** Everything but the contexts: summaries with controls, and every latent's explanation and scores. */
export function scoresJson(head: ScoresHead, interpretation: Interpretation): Json {
  const { saes, stopped } = interpretation;
  const { usage, ...rest } = head;
  return { ...rest, ...(usage === undefined ? {} : { usage }), complete: stopped === undefined, ...(stopped === undefined ? {} : { stopped }), saes } as unknown as Json;
}
