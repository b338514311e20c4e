import type { Row } from './fields.js';
import { medmcqa } from './medmcqa.js';
import { multipleChoice } from './multiple-choice.js';
import { pubmedqa } from './pubmedqa.js';

export const QA_FORMATS = ['medqa', 'medmcqa', 'pubmedqa', 'mmlu'] as const;

export type QaFormat = (typeof QA_FORMATS)[number];

/** The text of one row of a question-and-answer data set, in the form that arXiv 2508.09363 trained on. */
export function formatQa(format: QaFormat, row: Row): string {
  switch (format) {
    case 'medqa':
    case 'mmlu':
      return multipleChoice(row, format);
    case 'medmcqa':
      return medmcqa(row);
    case 'pubmedqa':
      return pubmedqa(row);
  }
}
