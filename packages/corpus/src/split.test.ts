import { firstValueFrom, from, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { wordDocument } from '../test/word-tokenizer.js';
import { questionOf, split, splitOf } from './split.js';

describe('splitOf', () => {
  it('depends on key and seed alone, and gives the share asked for', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `doc/${i}`);
    const held = keys.filter((key) => splitOf(key, { seed: 1, evalShare: 0.1 }) === 'eval');
    // Standard error of a share of 0.1 in 20,000: 0.0021.
    expect(Math.abs(held.length / keys.length - 0.1)).toBeLessThan(0.009);
    expect(keys.filter((key) => splitOf(key, { seed: 1, evalShare: 0.1 }) === 'eval')).toEqual(held);
    const other = new Set(keys.filter((key) => splitOf(key, { seed: 2, evalShare: 0.1 }) === 'eval'));
    const both = held.filter((key) => other.has(key)).length;
    expect(Math.abs(both / keys.length - 0.01)).toBeLessThan(0.003);
  });

  it('holds out more of the same documents when the share grows', () => {
    const keys = Array.from({ length: 500 }, (_, i) => `k${i}`);
    for (const key of keys.filter((one) => splitOf(one, { seed: 0, evalShare: 0.1 }) === 'eval')) expect(splitOf(key, { seed: 0, evalShare: 0.3 })).toBe('eval');
    expect(keys.every((key) => splitOf(key, { seed: 0, evalShare: 0 }) === 'train' && splitOf(key, { seed: 0, evalShare: 1 }) === 'eval')).toBe(true);
    expect(() => splitOf('a', { seed: 0, evalShare: 1.5 })).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(() => splitOf('a', { seed: 0, evalShare: NaN })).toThrow(expect.objectContaining({ code: 'bad-config' }));
  });
});

describe('split', () => {
  it('is a filter whose two sides make up the whole', async () => {
    const documents = Array.from({ length: 200 }, (_, i) => wordDocument(`d${i}`, 10, 1));
    const side = (part: 'train' | 'eval') => firstValueFrom(from(documents).pipe(split(part, { seed: 3, evalShare: 0.25 }), toArray()));
    const [train, held] = [await side('train'), await side('eval')];
    expect(train.length + held.length).toBe(200);
    expect(held.length).toBeGreaterThan(20);
    expect(held.every((document) => splitOf(document.id, { seed: 3, evalShare: 0.25 }) === 'eval')).toBe(true);
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    const [t, e] = [train[0]!, held[0]!];
    test.run(({ hot, expectObservable }) => {
      expectObservable(hot('t-e-t|', { t, e }).pipe(split('train', { seed: 3, evalShare: 0.25 }))).toBe('t---t|', { t });
    });
  });

  it('keeps the same question on one side, whatever the id', async () => {
    const documents = Array.from({ length: 100 }, (_, i) => ({ ...wordDocument(`d${i}`, 0, 0), text: `Question: What is  thing ${i % 10}?\nAnswer: ${i}` }));
    const held = await firstValueFrom(from(documents).pipe(split('eval', { seed: 5, evalShare: 0.4, by: 'question' }), toArray()));
    expect(held.length % 10).toBe(0);
    expect(questionOf('Question: What is\n  X? \nAnswer: y')).toBe('what is x?');
    expect(questionOf('Context:\nabc\nQuestion: Is it?\nThe options are: yes')).toBe('is it?');
    expect(questionOf('Which one?\nThe options are:\na')).toBe('which one?');
    expect(questionOf('Plain text\nmore')).toBe('plain text');
  });
});
