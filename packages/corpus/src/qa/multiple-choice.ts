import { answer, options, requiredText } from './fields.js';
import type { Row } from './fields.js';

/** The medqa and mmlu form (arXiv 2508.09363, data preparation): question, the options one a line, the right one. */
export function multipleChoice(row: Row, format: 'medqa' | 'mmlu'): string {
  const question = requiredText(row, ['Question', 'question', 'sent1'], format);
  const choices = options(row, ['Options', 'options', 'choices'], format);
  return `${question}\nThe options are:\n${choices.join('\n')}\nCorrect option: ${answer(row, choices, format)}`;
}
