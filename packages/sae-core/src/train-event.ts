import type { SaeState } from '@salmon-sae/dataflow';

/** What `train` emits. One `step` event per SAE and logged step; one `done` per SAE at the end of the stream or of its steps. */
export type TrainEvent = StepEvent | CheckpointEvent | DoneEvent | WarningEvent;

export interface StepEvent {
  readonly kind: 'step';
  readonly sae: string;
  /** Steps finished, counted from 1. */
  readonly step: number;
  readonly tokens: number;
  /** Total loss and its named parts. */
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly l0: number;
  /** Fraction of variance explained on this batch. */
  readonly fve: number;
  readonly deadLatents: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

export interface CheckpointEvent {
  readonly kind: 'checkpoint';
  readonly step: number;
  readonly tokens: number;
  readonly path: string;
}

export interface WarningEvent {
  readonly kind: 'warning';
  readonly sae: string;
  readonly step: number;
  readonly message: string;
}

export interface DoneEvent {
  readonly kind: 'done';
  readonly sae: string;
  readonly step: number;
  readonly tokens: number;
  /** Folded to raw activation units. */
  readonly state: SaeState;
}
