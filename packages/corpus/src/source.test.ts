import { describe, expect, expectTypeOf, it } from 'vitest';
import { parseDocumentSource, sourceName } from './source.js';
import type { DocumentSource } from './source.js';

describe('parseDocumentSource', () => {
  it('takes sources of every kind, nested ones too', () => {
    const source: DocumentSource = {
      kind: 'limit',
      documents: 10,
      source: {
        kind: 'mix',
        seed: 1,
        sources: [
          { weight: 2, source: { kind: 'wordnet', part: 'medical' } },
          { weight: 1, source: { kind: 'chain', sources: [{ kind: 'jsonl', path: '/a/b.jsonl', format: 'medqa' }, { kind: 'text', path: 'x' }] } },
        ],
      },
    };
    expect(parseDocumentSource(JSON.parse(JSON.stringify(source)))).toEqual(source);
    expect(sourceName(source)).toBe('limit(10,mix(2*wordnet/medical,1*chain(jsonl:b.jsonl,text:x)))');
    expectTypeOf(parseDocumentSource).returns.toEqualTypeOf<DocumentSource>();
  });

  it('names the field that is wrong', () => {
    for (const [value, field] of [
      [{ kind: 'wordnet', part: 'veterinary' }, 'part'],
      [{ kind: 'limit', source: { kind: 'text' }, documents: 3 }, 'source.path'],
      [{ kind: 'mix', sources: [{ source: { kind: 'text', path: 'a' }, weight: -1 }] }, 'sources.0.weight'],
      [{ kind: 'web' }, 'kind'],
      [7, 'source'],
    ] as const) {
      expect(() => parseDocumentSource(value)).toThrow(expect.objectContaining({ code: 'bad-config', message: expect.stringContaining(`(${field})`) as string }));
    }
    expect(() => parseDocumentSource({ kind: 'text', path: 'a', pth: 'b' })).toThrow(/pth/);
  });
});
