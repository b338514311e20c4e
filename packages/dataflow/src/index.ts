export type {
  ActivationBatch,
  ActivationHistogram,
  Cursor,
  Document,
  Explanation,
  ExplanationScore,
  FeatureCard,
  FeatureContext,
  Json,
  LogitEffect,
  MetricRow,
  NdArray,
  Provenance,
  RowOrigin,
  SaeState,
  Site,
  SparseCodes,
  TokenBatch,
  TokenRows,
} from './currency.js';
export type {
  Edit,
  EditAction,
  ForwardRequest,
  ForwardResult,
  LanguageModel,
  LanguageModelInfo,
  LossScores,
  TokenEffects,
  Tokenizer,
} from './language-model.js';
export { SalmonError, isSalmonError } from './errors.js';
export type { ErrorCode, ErrorParts } from './errors.js';
export { random, restoreRandom } from './random.js';
export type { Random, RandomState } from './random.js';
export { Pace } from './pace.js';
export { fromPull } from './from-pull.js';
export { mapAsync } from './map-async.js';
export { prefetch } from './prefetch.js';
export type { PrefetchOptions } from './prefetch.js';
export { rebatch } from './rebatch.js';
export type { RebatchOptions } from './rebatch.js';
export { SHUFFLE_DEFAULTS, shuffle } from './shuffle.js';
export type { ShuffleOptions } from './shuffle.js';
export { documentEntropy } from './document-entropy.js';
export { run } from './run.js';
export type { RunOptions } from './run.js';
export { canonicalJson, contentHash, hashFile } from './content-hash.js';
export { asFileError } from './file-error.js';
export { writeDirectoryAtomic, writeFileAtomic } from './write-atomic.js';
export type { FileData } from './write-atomic.js';
export { progressMeter } from './progress.js';
export type { Progress, ProgressMeter, ProgressMeterOptions, ProgressReading } from './progress.js';
