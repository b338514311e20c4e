import { createHash } from 'node:crypto';
import { filter } from 'rxjs';
import type { MonoTypeOperatorFunction } from 'rxjs';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Document } from '@salmon-sae/dataflow';

export type SplitPart = 'train' | 'eval';

export interface SplitOptions {
  readonly seed: number;
  /** Share of documents held out, 0 to 1. */
  readonly evalShare: number;
  /** What is hashed: the document's id (default) or the question in its text, so that a question asked twice stays on one side. */
  readonly by?: 'id' | 'question';
}

/**
 * The side of the split on which a document falls: a hash of its id (or another key) and the seed, so it depends on nothing else, and
 * adding documents moves none.
 */
export function splitOf(key: string, options: Pick<SplitOptions, 'seed' | 'evalShare'>): SplitPart {
  if (!(options.evalShare >= 0 && options.evalShare <= 1)) {
    throw new SalmonError('bad-config', { what: 'The evaluation share is not a share', where: 'evalShare', expected: '0 to 1', got: String(options.evalShare) });
  }
  const digest = createHash('sha256').update(`${options.seed}\u0000${key}`).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48 < options.evalShare ? 'eval' : 'train';
}

/** Keeps the documents of one side of the split. */
export function split(part: SplitPart, options: SplitOptions): MonoTypeOperatorFunction<Document> {
  const key = options.by === 'question' ? (document: Document): string => questionOf(document.text) : (document: Document): string => document.id;
  return filter((document) => splitOf(key(document), options) === part);
}

/** The first question of a text, white space and case levelled: what follows `Question:` up to the answer or options, or the first line. */
export function questionOf(text: string): string {
  const marked = /(?:^|\n)Question:\s*([\s\S]*?)(?=\n(?:Answer:|The options are)|$)/.exec(text)?.[1];
  const asked = marked ?? (text.split(/\nThe options are/, 1)[0] ?? text).split('\n', 1)[0] ?? text;
  return asked.trim().replace(/\s+/g, ' ').toLowerCase();
}
