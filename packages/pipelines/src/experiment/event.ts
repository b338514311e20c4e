import type { TrainEvent } from '@salmon-sae/sae-core';

/** What a running experiment tells its listener; the command line renders it, tests count it. */
export type ExperimentEvent =
  | { readonly kind: 'stage'; readonly stage: string; readonly state: 'start' | 'done' | 'kept'; readonly seconds?: number; readonly note?: string }
  | { readonly kind: 'progress'; readonly stage: string; readonly done: number; readonly total: number; readonly unit: string; readonly note?: string }
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'train'; readonly stage: string; readonly event: TrainEvent };

export type Listener = (event: ExperimentEvent) => void;
