import { isSalmonError, SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch, ErrorCode, ErrorParts, LanguageModelInfo } from '@salmon-sae/dataflow';
import type { TextData } from './text-tokens.js';

/** To the harvest process. */
export type HarvestRequest =
  | { readonly kind: 'open'; readonly data: TextData; readonly window: number }
  /** Begin the stream again from its first batch. */
  | { readonly kind: 'run'; readonly run: number }
  /** A batch has been used: there is room for one more. */
  | { readonly kind: 'more'; readonly run: number }
  | { readonly kind: 'stop'; readonly run: number };

/** From the harvest process. */
export type HarvestReply =
  | { readonly kind: 'ready'; readonly info: LanguageModelInfo }
  | { readonly kind: 'batch'; readonly run: number; readonly batch: ActivationBatch }
  | { readonly kind: 'done'; readonly run: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly parts: ErrorParts };

/** An error as it crosses between processes. */
export function failure(error: unknown): Extract<HarvestReply, { kind: 'failed' }> {
  if (isSalmonError(error)) return { kind: 'failed', code: error.code, parts: error.parts };
  const got = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'failed', code: 'engine', parts: { what: 'The harvest process failed', got } };
}

export function revived({ code, parts }: Extract<HarvestReply, { kind: 'failed' }>): SalmonError {
  return new SalmonError(code, parts);
}
