export type { Sae } from './sae.js';
export type { CheckpointEvent, DoneEvent, StepEvent, TrainEvent, WarningEvent } from './train-event.js';
