export { documents } from './documents.js';
export type { DocumentsOptions } from './documents.js';
export { documentSourceSchema, parseDocumentSource, sourceName } from './source.js';
export type {
  ChainSource,
  DedupeSource,
  DocumentSource,
  JsonlSource,
  LimitSource,
  MixSource,
  ParquetSource,
  RowFields,
  TextSource,
  WordnetSource,
} from './source.js';
export { formatQa, QA_FORMATS } from './qa/format.js';
export type { QaFormat } from './qa/format.js';
export { DEDUPE_DEFAULTS, Deduplicator, normalisedWords } from './deduplicator.js';
export type { DeduplicatorOptions, Verdict } from './deduplicator.js';
export { questionOf, split, splitOf } from './split.js';
export type { SplitOptions, SplitPart } from './split.js';
export { wordnetTaxonomy } from './wordnet/taxonomy.js';
export type { WordnetOptions, WordnetTaxonomy } from './wordnet/taxonomy.js';
export { synsetText } from './wordnet/questions.js';
export { MEDICAL_ROOTS, MEDICAL_TOPICS } from './wordnet/medical.js';
export { senseKey } from '@salmon-sae/dataflow/wordnet';
export type { PointerKind, Synset, SynsetPointer, SynsetPos } from '@salmon-sae/dataflow/wordnet';
export { loadTokenizer } from './tokens/load-tokenizer.js';
export type { LoadTokenizerOptions } from './tokens/load-tokenizer.js';
export { TOKENIZE_DEFAULTS, tokenize } from './tokens/tokenize.js';
export type { TokenizeOptions, TokenizeReport } from './tokens/tokenize.js';
export { readTokens, writeTokens } from './tokens/token-store.js';
export type { ReadTokensOptions, WriteTokensOptions } from './tokens/token-store.js';
