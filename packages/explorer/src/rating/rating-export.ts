import { resolve } from 'node:path';
import { allAnswers, ratingResult as judge } from '@salmon-sae/autointerp';
import type { RatingAnswer, RatingResult } from '@salmon-sae/autointerp';
import { ratingFile } from '../serve-rating.js';
import { RatingStore } from './rating-store.js';

/** An answer with what was behind its item. */
export interface OpenedAnswer extends RatingAnswer {
  readonly pair: number;
  readonly sae: string;
  readonly latent: number;
  readonly label: string;
  readonly contexts: number;
}

export interface RatingReport {
  readonly result: RatingResult;
  readonly answers: readonly OpenedAnswer[];
}

/** Opens the blind of a run's session: agreement of the raters, difference between the arms with intervals, and every answer. */
export async function ratingResult(run: string): Promise<RatingReport> {
  const store = await RatingStore.open(ratingFile(resolve(run)));
  const session = await store.session();
  const keys = new Map(store.keys.map((key) => [key.id, key]));
  const labels = new Map(store.items.map(({ id, label }) => [id, label]));
  const answers = allAnswers(session).flatMap((answer): OpenedAnswer[] => {
    const key = keys.get(answer.item);
    return key === undefined ? [] : [{ ...answer, pair: key.pair, sae: key.sae, latent: key.latent, label: labels.get(answer.item) ?? '', contexts: session.contexts }];
  });
  return { result: judge(session, store.keys), answers };
}

const COLUMNS = ['rater', 'pair', 'sae', 'latent', 'label', 'fits', 'contexts', 'verdict', 'at', 'item'] as const;

/** The answers as CSV (RFC 4180). A cell that a spreadsheet would run as a formula gets an apostrophe in front. */
export function ratingCsv({ answers }: RatingReport): string {
  const cell = (value: string | number): string => {
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [COLUMNS.join(','), ...answers.map((answer) => COLUMNS.map((name) => cell(answer[name])).join(','))].map((line) => `${line}\r\n`).join('');
}
