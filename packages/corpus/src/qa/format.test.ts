import { describe, expect, it } from 'vitest';
import { formatQa } from './format.js';

const options = { A: 'Aspirin', B: 'Ibuprofen', C: 'Heparin', D: 'Insulin' };

describe('formatQa', () => {
  it('medqa and mmlu: question, options one a line, right option', () => {
    const expected = 'Which one?\nThe options are:\nAspirin\nIbuprofen\nHeparin\nInsulin\nCorrect option: Heparin';
    const nested = { id: 'x', data: { Question: 'Which one? ', Options: options, 'Correct Option': 'C', 'Correct Answer': 'Heparin' } };
    expect(formatQa('medqa', nested)).toBe(expected);
    expect(formatQa('medqa', { question: 'Which one?', options, answer_idx: 'C' })).toBe(expected);
    expect(formatQa('mmlu', { question: 'Which one?', choices: Object.values(options), answer: 2n })).toBe(expected);
  });

  it('medmcqa: colon away, question mark, explanation up to the references', () => {
    const row = { question: 'Drug of choice is:', opa: 'A1', opb: 'B1', opc: 'C1', opd: 'D1', cop: 1, exp: 'Because B. Ref: Harrison p. 3' };
    expect(formatQa('medmcqa', row)).toBe('Drug of choice is?\nThe options are:\nA1\nB1\nC1\nD1\nCorrect option: B1\nExplanation: Because B.');
    expect(formatQa('medmcqa', { ...row, question: 'Which?', cop: 0, exp: null })).toBe('Which?\nThe options are:\nA1\nB1\nC1\nD1\nCorrect option: A1');
    expect(formatQa('medmcqa', { ...row, exp: 'Ref: only' })).not.toContain('Explanation');
  });

  it('pubmedqa: context, question, short and long answer', () => {
    const expected = 'Context:\nOne.\nTwo.\nQuestion: Does it?\nThe options are: yes, no, maybe\nCorrect option: yes\nDetailed answer: It does.';
    expect(formatQa('pubmedqa', { context: { contexts: ['One.', 'Two.'] }, question: 'Does it?', final_decision: 'yes', long_answer: 'It does.' })).toBe(expected);
    expect(formatQa('pubmedqa', { data: { Context: ['One.', 'Two.'], Question: 'Does it?', 'Correct Answer': 'yes', 'Long Answer': 'It does.' } })).toBe(expected);
  });

  it('names what a row lacks', () => {
    for (const [format, row, lacks] of [
      ['medqa', { id: 7, options }, 'Question'],
      ['medqa', { id: 7, question: 'q' }, 'options'],
      ['medmcqa', { id: 7, question: 'q', opa: 'a', opb: 'b', opc: 'c', opd: 'd', cop: 9 }, 'answer'],
      ['pubmedqa', { id: 7, question: 'q', final_decision: 'yes' }, 'Long Answer'],
    ] as const) {
      expect(() => formatQa(format, row)).toThrow(expect.objectContaining({ code: 'bad-file', message: expect.stringMatching(new RegExp(`${format} row lacks.*${lacks}.*row 7`, 's')) as string }));
    }
  });
});
