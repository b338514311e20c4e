import { describe, expect, it } from 'vitest';
import { random } from '@salmon-sae/dataflow';
import { Deduplicator } from './deduplicator.js';

const words = (seed: number, n: number): string[] => {
  const draw = random(seed, 'words');
  return Array.from({ length: n }, () => `w${draw.below(5000)}`);
};

describe('Deduplicator', () => {
  it('finds exact repeats whatever their case, spaces and punctuation', () => {
    const seen = new Deduplicator();
    expect(seen.check('The cat, sat.')).toBe('new');
    expect(seen.check('the  CAT\nsat')).toBe('same');
    expect(seen.check('the cat sat down')).toBe('new');
  });

  it('finds near repeats by shared 13-grams above the overlap, and only then', () => {
    const seen = new Deduplicator({ near: { overlap: 0.5 } });
    const text = words(1, 200);
    expect(seen.check(text.join(' '))).toBe('new');
    expect(seen.check([...text.slice(0, 190), 'other', 'end'].join(' '))).toBe('near');
    expect(seen.check([...text.slice(0, 60), ...words(2, 140)].join(' '))).toBe('new');
    expect(seen.check(words(3, 200).join(' '))).toBe('new');
    expect(seen.check('short text')).toBe('new');
  });

  it('takes no more memory for a longer stream: the table keeps its size and still finds recent repeats', () => {
    const seen = new Deduplicator({ near: { memory: 1000 } });
    let recent: string[] = [];
    for (let i = 0; i < 50; i++) seen.check((recent = words(10 + i, 100)).join(' '));
    expect(seen.check([...recent, 'x'].join(' '))).toBe('near');
  });
});
