import { describe, expect, it } from 'vitest';
import { isSalmonError, SalmonError } from './errors.js';

describe('SalmonError', () => {
  it('makes one paragraph of its parts', () => {
    const cause = new Error('low level');
    const error = new SalmonError('bad-file', { what: 'It broke', where: 'a.json', expected: 'x', got: 'y', todo: 'Mend it' }, { cause });
    expect(error.message).toBe('It broke (a.json). Expected x. Got y. Mend it.');
    expect(error.cause).toBe(cause);
    expect(isSalmonError(error)).toBe(true);
    expect(isSalmonError(cause)).toBe(false);
    expect(new SalmonError('usage', { what: 'No' }).message).toBe('No.');
    expect(new SalmonError('engine', { what: 'No', got: 'a sentence.', todo: 'Go on.' }).message).toBe('No. Got a sentence. Go on.');
  });
});
