import { describe, expect, it } from 'vitest';
import { parseDataFile, parseGloss } from './parse-data-file.js';
import { senseKey } from './synset.js';

describe('parseDataFile', () => {
  it('reads words, lexical ids, pointers and gloss of a line', () => {
    const line = '00001740 03 a 02 able(p) 0 big_one a 002 ! 00002098 a 0201 + 05624029 n 0000 | having skill; "able to swim"; "she was able"  ';
    const [synset] = parseDataFile(`  1 licence\n${line}\n`, 'a', 'f');
    expect(synset).toEqual({
      id: 'a00001740',
      pos: 'a',
      file: 3,
      lemmas: ['able', 'big one'],
      lexIds: [0, 10],
      definition: 'having skill',
      examples: ['able to swim', 'she was able'],
      pointers: [
        { kind: 'antonym', to: 'a00002098', from: 1, word: 0 },
        { kind: 'derivation', to: 'n05624029', from: -1, word: -1 },
      ],
    });
    expect(senseKey(synset!, 1)).toBe('big_one%3:03:10');
  });

  it('names the line of what is no synset', () => {
    expect(() => parseDataFile('  1 licence\nhello world\n', 'n', 'data.noun')).toThrow(/data\.noun, line 2.*offset/s);
    expect(() => parseDataFile('00001740 03 n 02 entity 0\n', 'n', 'data.noun')).toThrow(/end of the line/);
    expect(() => parseDataFile('00001740 03 n 01 entity 0 001 ?? 00002098 n 0000 | x\n', 'n', 'data.noun')).toThrow(/pointer.*\?\?/s);
  });

  it('keeps quotation marks within a definition', () => {
    expect(parseGloss('the letter "A" in print')).toEqual({ definition: 'the letter "A" in print', examples: [] });
    expect(parseGloss('a thing; of two parts; "an example"')).toEqual({ definition: 'a thing; of two parts', examples: ['an example'] });
    expect(parseGloss('')).toEqual({ definition: '', examples: [] });
  });
});
