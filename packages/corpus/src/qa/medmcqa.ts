import { answer, field, options, requiredText } from './fields.js';
import type { Row } from './fields.js';

/**
 * The medmcqa form (arXiv 2508.09363, data preparation): the question without its final colon but with a question mark, the options,
 * the right one, and the explanation up to the word `Ref`, where the book references begin.
 */
export function medmcqa(row: Row): string {
  const question = requiredText(row, ['Question', 'question'], 'medmcqa').replace(/\s*:+$/, '');
  const asked = question.endsWith('?') ? question : `${question}?`;
  const four = ['opa', 'opb', 'opc', 'opd'].map((name) => row[name]);
  const choices = four.every((text): text is string => typeof text === 'string') ? four : options(row, ['Options', 'options'], 'medmcqa');
  const lines = [asked, 'The options are:', ...choices, `Correct option: ${answer(row, choices, 'medmcqa')}`];
  const explanation = field(row, ['exp', 'Explanation', 'explanation']);
  const kept = typeof explanation === 'string' ? (explanation.split('Ref', 1)[0] ?? '').trim() : '';
  if (kept !== '') lines.push(`Explanation: ${kept}`);
  return lines.join('\n');
}
