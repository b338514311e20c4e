export type { Sae } from './sae.js';
export type { CheckpointEvent, DoneEvent, StepEvent, TrainEvent, WarningEvent } from './train-event.js';

export { checkState, checkTensor, tensorShapes } from './inference/check-state.js';
export { isSaeKind, kindOf, kindParts, NORMALIZATIONS, resolveConfig, SAE_KINDS } from './inference/config.js';
export type { Activation, Normalization, ResolvedConfig, SaeKind } from './inference/config.js';
export { denseCodes, sparseCodes } from './inference/csr-builder.js';
export { encodeDense } from './inference/encode-dense.js';
export type { DenseEncoding } from './inference/encode-dense.js';
export { foldDatasetNorm, foldDecoderNorm, foldInputBias, toJumpRelu } from './formats/fold.js';
export type { GemmaScopeVariant } from './formats/gemma-scope-place.js';
export { hookFromLens, hookFromModule, hookToLens } from './formats/hook-names.js';
export { loadSae, loadSaeConfig } from './formats/load-sae.js';
export type { LoadOptions, SaeSummary } from './formats/load-sae.js';
export { readSparsity } from './formats/saelens-read.js';
export type { WriteOptions } from './formats/saelens-write.js';
export type { SaeFormat, StoredTensor } from './formats/sae-source.js';
export { saveSae, WRITABLE_FORMATS } from './formats/save-sae.js';
export type { SaveOptions, WritableFormat } from './formats/save-sae.js';
export { assign } from './synthetic/assignment.js';
export { GROUND_TRUTH_DEFAULTS, groundTruth } from './synthetic/ground-truth.js';
export type { GroundTruth, GroundTruthConfig } from './synthetic/ground-truth.js';
export { recovery } from './synthetic/recovery.js';
export type { Recovery } from './synthetic/recovery.js';
export { sampleTruth, syntheticBatch, syntheticBatches } from './synthetic/sample-truth.js';
export type { TruthSample } from './synthetic/sample-truth.js';
export { randomState } from './synthetic/random-state.js';
export type { RandomStateOptions } from './synthetic/random-state.js';
export { relativeError } from './inference/relative-error.js';
export { openSae } from './inference/open-sae.js';
export type { OpenSaeOptions } from './inference/open-sae.js';
export type {
  AfterStepContext,
  AfterStepResult,
  AnyArchitecture,
  ArchitectureConfig,
  ArrayMap,
  DeadLatents,
  ForwardContext,
  InferenceParts,
  InitContext,
  LossContext,
  LossResult,
  SaeArchitecture,
  TensorMap,
  TrainedArrays,
} from './architectures/architecture.js';
export { ARCHITECTURES } from './architectures/architectures.js';
export { AUX_DEFAULTS, AUX_SAELENS } from './architectures/aux-k.js';
export type { AuxConfig } from './architectures/aux-k.js';
export { BATCH_TOPK_DEFAULTS, batchTopK, batchTopKArchitecture } from './architectures/batch-topk.js';
export type { BatchTopKConfig, BatchTopKOptions } from './architectures/batch-topk.js';
export { GATED_DEFAULTS, gated, gatedArchitecture } from './architectures/gated.js';
export type { GatedConfig, GatedOptions } from './architectures/gated.js';
export { MATCHING_PURSUIT_DEFAULTS, matchingPursuit, matchingPursuitArchitecture } from './architectures/matching-pursuit.js';
export type { MatchingPursuitConfig, MatchingPursuitOptions } from './architectures/matching-pursuit.js';
export { MATRYOSHKA_DEFAULTS, matryoshka, matryoshkaArchitecture, prefixWidths } from './architectures/matryoshka.js';
export type { MatryoshkaConfig, MatryoshkaOptions } from './architectures/matryoshka.js';
export { MSAE_DEFAULTS, msae, msaeArchitecture, nestedK } from './architectures/msae.js';
export type { MsaeConfig, MsaeOptions } from './architectures/msae.js';
export { REWEIGHTED_DEFAULTS, reweighted, reweightedArchitecture } from './architectures/reweighted.js';
export type { ReweightedConfig, ReweightedOptions } from './architectures/reweighted.js';
export { scaleArchitecture, scaleSae } from './architectures/scale-sae.js';
export type { ScaleConfig, ScaleOptions } from './architectures/scale-sae.js';
export { STANDARD_DEFAULTS, standard, standardArchitecture } from './architectures/standard.js';
export type { StandardConfig, StandardOptions } from './architectures/standard.js';
export { switchArchitecture, switchSae } from './architectures/switch-sae.js';
export type { SwitchConfig, SwitchOptions } from './architectures/switch-sae.js';
export { THRESHOLD_DEFAULTS } from './architectures/threshold-average.js';
export type { ThresholdConfig } from './architectures/threshold-average.js';
export { TOPK_DEFAULTS } from './architectures/topk-parts.js';
export { TOPK_OWN_DEFAULTS, topK, topKArchitecture } from './architectures/topk.js';
export type { TopKConfig, TopKOptions } from './architectures/topk.js';
export { VARIATIONAL_DEFAULTS, variational, variationalArchitecture } from './architectures/variational.js';
export type { VariationalConfig, VariationalOptions } from './architectures/variational.js';
export { JUMPRELU_DEFAULTS, jumpReluArchitecture, jumprelu } from './architectures/jumprelu.js';
export type { JumpReluConfig, JumpReluOptions } from './architectures/jumprelu.js';
export { CheckpointStore } from './checkpoint/checkpoint-store.js';
export type { CheckpointOptions, ResumePoint } from './checkpoint/checkpoint-store.js';
export { autodiffStep } from './train/autodiff-step.js';
export { TRAINING_DEFAULTS } from './train/training-config.js';
export type { StepSchedule, TrainingOptions } from './train/training-config.js';
export { scheduleAt } from './train/schedule.js';
export { resolveSpec, resolveSpecs } from './train/train-spec.js';
export type { ResolvedSpec, TrainConfig, TrainSpec } from './train/train-spec.js';
export type { GradientRequest, GradientResult, StepShape, TrainStep, TrainStepFactory, UpdateRequest, UpdateResult } from './train/train-step.js';
export type { Trainable } from './train/trainable.js';
export { updateParams } from './train/update-params.js';
export { Trainer, trainerBatch } from './train/trainer.js';
export type { TrainerBatch, TrainerOptions, TrainerSnapshot } from './train/trainer.js';
export { sparseConfig } from './fast/coverage.js';
export type { SparseConfig } from './fast/coverage.js';
export { SparseLearner } from './fast/sparse-learner.js';
export type { SparseLearnerOptions } from './fast/sparse-learner.js';
export { startLearner } from './train/make-learner.js';
export type { LearnerOptions, TrainingLearner } from './train/make-learner.js';
export { train } from './train/train.js';
export type { TrainOptions } from './train/train.js';
export { estimate, measureMatrixRate } from './train/estimate.js';
export type { Estimate, EstimateOptions } from './train/estimate.js';
export { trainConfigJsonSchema } from './train/config-schema.js';
export { eventRecord, JsonlWriter } from './events/jsonl-writer.js';
export { TensorBoardWriter } from './events/tensorboard-writer.js';
export { parseConfig, sharedFields } from './architectures/base-config.js';
export { readCheckpoint } from './checkpoint/checkpoint-file.js';
export type { Checkpoint, CheckpointHeader } from './checkpoint/checkpoint-file.js';
export { estimateScale } from './train/normalisation.js';
export { trainingSchema } from './train/training-config.js';
