import type { ActivationBatch, Document, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { harvest } from '@salmon-sae/activations';
import { documents, split, tokenize } from '@salmon-sae/corpus';
import type { DocumentSource } from '@salmon-sae/corpus';
import { rebatch, shuffle } from '@salmon-sae/dataflow';
import type { Observable } from 'rxjs';

/** What every recipe needs: a model, a hook, how text becomes rows and how rows are mixed. */
export interface Setting {
  readonly model: LanguageModel;
  readonly hook: string;
  readonly context: number;
  readonly batchRows: number;
  /** Special tokens in or out of training (one rule for every arm). */
  readonly specials: 'exclude' | 'include';
  readonly split: { readonly seed: number; readonly evalShare: number };
  /** Activation rows mixed at a time. */
  readonly reservoir: number;
  /** Rows of a training batch. */
  readonly batch: number;
  readonly seed: number;
}

/** Documents of one side of the split, as token rows. One document a row, as in arXiv 2508.09363 (no packing). */
export function tokensOf(setting: Setting, source: DocumentSource, part: 'train' | 'eval'): Observable<TokenBatch> {
  return tokenRows(setting, documents(source).pipe(split(part, setting.split)));
}

export function tokenRows(setting: Setting, texts: Observable<Document>): Observable<TokenBatch> {
  return texts.pipe(
    tokenize(setting.model.tokenizer, { context: setting.context, packing: 'document', batchRows: setting.batchRows, bucket: true }),
  );
}

/** Activations of token rows, mixed and cut into training batches. */
export function trainingBatches(setting: Setting, rows: Observable<TokenBatch>): Observable<ActivationBatch> {
  return rows.pipe(
    harvest(setting.model, { hook: setting.hook, specials: setting.specials }),
    shuffle(setting.reservoir, setting.seed),
    rebatch(setting.batch),
  );
}
