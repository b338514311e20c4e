import { SalmonError } from '../errors.js';
import { POINTERS } from './synset.js';
import type { Synset, SynsetPointer, SynsetPos } from './synset.js';

/** Synsets of one data file (format: wndb(5WN)); `pos` is the file's. Throws `bad-file` with the line. */
export function parseDataFile(text: string, pos: SynsetPos, path: string): readonly Synset[] {
  const synsets: Synset[] = [];
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    // The licence at the top is indented.
    if (line.startsWith('  ') || line.trim() === '') continue;
    synsets.push(parseLine(line, pos, `${path}, line ${number}`));
  }
  return synsets;
}

function parseLine(line: string, pos: SynsetPos, where: string): Synset {
  const bar = line.indexOf(' | ');
  const fields = (bar < 0 ? line : line.slice(0, bar)).trim().split(' ');
  let at = 0;
  const next = (pattern: RegExp, what: string): string => {
    const value = fields[at++];
    if (value !== undefined && pattern.test(value)) return value;
    throw new SalmonError('bad-file', { what: 'This is not a line of a WordNet data file', where, expected: what, got: value ?? 'the end of the line' });
  };
  const offset = next(/^\d{8}$/, 'an offset of eight digits');
  const file = Number(next(/^\d\d$/, 'a file number'));
  next(/^[nvasr]$/, 'a part of speech');
  const words = parseInt(next(/^[0-9a-f]{2}$/i, 'a word count'), 16);
  const lemmas: string[] = [];
  const lexIds: number[] = [];
  for (let i = 0; i < words; i++) {
    lemmas.push(next(/./, 'a word').replace(/\((?:a|p|ip)\)$/, '').replaceAll('_', ' '));
    lexIds.push(parseInt(next(/^[0-9a-f]$/i, 'a lexical id'), 16));
  }
  const count = Number(next(/^\d{3}$/, 'a pointer count'));
  const pointers: SynsetPointer[] = [];
  for (let i = 0; i < count; i++) {
    const symbol = next(/./, 'a pointer symbol');
    const kind = (POINTERS as Readonly<Record<string, SynsetPointer['kind']>>)[symbol];
    const target = next(/^\d{8}$/, 'a target offset');
    const targetPos = next(/^[nvasr]$/, 'a target part of speech');
    const words = next(/^[0-9a-f]{4}$/i, 'source and target words');
    if (kind === undefined) throw new SalmonError('bad-file', { what: 'Unknown WordNet pointer', where, got: symbol });
    pointers.push({
      kind,
      to: `${targetPos === 's' ? 'a' : targetPos}${target}`,
      from: parseInt(words.slice(0, 2), 16) - 1,
      word: parseInt(words.slice(2), 16) - 1,
    });
  }
  return { id: `${pos}${offset}`, pos, file, lemmas, lexIds, ...parseGloss(bar < 0 ? '' : line.slice(bar + 3)), pointers };
}

/** A gloss is a definition, then quoted examples after semicolons; quotation marks may also stand within the definition. */
export function parseGloss(gloss: string): { readonly definition: string; readonly examples: readonly string[] } {
  const text = gloss.trim();
  const start = text.search(/[;:,]\s*"/);
  if (start < 0) return { definition: tidy(text), examples: [] };
  const examples = [...text.slice(start).matchAll(/"([^"]+)"/g)].map((match) => match[1]!.trim()).filter((example) => example !== '');
  return { definition: tidy(text.slice(0, start)), examples };
}

function tidy(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[;:,.\s]+$/, '').trim();
}
