import { answer, field, requiredText } from './fields.js';
import type { Row } from './fields.js';

const CHOICES = ['yes', 'no', 'maybe'];

/** The pubmedqa form (arXiv 2508.09363, data preparation): abstract, question, yes/no/maybe, the short and the long answer. */
export function pubmedqa(row: Row): string {
  const context = field(row, ['Context', 'context', 'CONTEXTS', 'contexts']);
  const nested = typeof context === 'object' && context !== null && 'contexts' in context ? context.contexts : context;
  const paragraphs = Array.isArray(nested) ? nested.filter((item): item is string => typeof item === 'string') : [String(nested ?? '')];
  const question = requiredText(row, ['Question', 'question', 'QUESTION'], 'pubmedqa');
  const decision = field(row, ['final_decision']);
  const short = typeof decision === 'string' ? decision : answer(row, CHOICES, 'pubmedqa');
  const long = requiredText(row, ['Long Answer', 'long_answer', 'LONG_ANSWER'], 'pubmedqa');
  const lines = [`Question: ${question}`, `The options are: ${CHOICES.join(', ')}`, `Correct option: ${short}`, `Detailed answer: ${long}`];
  const text = paragraphs.join('\n').trim();
  return text === '' ? lines.join('\n') : `Context:\n${text}\n${lines.join('\n')}`;
}
