export type {
  ActivationBatch,
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
