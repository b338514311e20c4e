import { documents, tokenize } from '@salmon-sae/corpus';
import type { Pace, TokenBatch, Tokenizer } from '@salmon-sae/dataflow';
import type { Observable } from 'rxjs';
import type { TrainingData } from './training-file.js';

export type TextData = Extract<TrainingData, { kind: 'text' }>;

/** The token batches of training text, one document a row, wherever they will be harvested. */
export function textTokens(tokenizer: Tokenizer, data: TextData, pace?: Pace): Observable<TokenBatch> {
  const { context, batchRows } = data;
  return documents(data.source, pace === undefined ? {} : { pace }).pipe(tokenize(tokenizer, { context, packing: 'document', batchRows, bucket: true }));
}
