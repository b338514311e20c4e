import type { Taxonomy } from './taxonomy.js';
import type { TextWindow } from './text-window.js';

/** What a lexical rule can say about a token; `value` of the clause fills in the rest. */
export type ClauseKind =
  /** The token belongs to this word. */
  | 'word'
  /** The token is this piece of a longer word. */
  | 'piece'
  /** The word ends in / begins with these letters. */
  | 'suffix'
  | 'prefix'
  /** This word with the one before it. */
  | 'phrase'
  /** The word before is this one. */
  | 'after'
  /** The word is a kind of this (taxonomy). */
  | 'kind'
  /** number, capitalised, punctuation, line break */
  | 'shape'
  /** Among the first n tokens of the text. */
  | 'start'
  /** The window contains this word, at or before the token. */
  | 'topic';

export interface Predicate {
  readonly kind: ClauseKind;
  readonly value: string;
  /** `kind:value`, the key of the predicate. */
  readonly key: string;
}

const LETTERS = /^\p{L}[\p{L}'’-]*$/u;
const NUMBER = /^[\p{N}][\p{N}.,]*$/u;

/** Tells which predicates hold at each token of a window; words are analysed once. */
export class PredicateReader {
  private readonly ofWord = new Map<string, readonly Predicate[]>();

  constructor(private readonly taxonomy?: Taxonomy) {}

  /** Predicates of one word by itself. */
  word(word: string): readonly Predicate[] {
    const known = this.ofWord.get(word);
    if (known !== undefined) return known;
    const out: Predicate[] = [predicate('word', word)];
    if (LETTERS.test(word)) {
      for (let n = 2; n <= 5 && n <= word.length - 2; n++) out.push(predicate('suffix', word.slice(-n)));
      for (let n = 3; n <= 6 && n <= word.length - 2; n++) out.push(predicate('prefix', word.slice(0, n)));
      for (const kind of this.taxonomy?.ancestors(word) ?? []) out.push(predicate('kind', kind));
    } else if (NUMBER.test(word)) out.push(predicate('shape', 'number'));
    else if (word === '\n') out.push(predicate('shape', 'line break'));
    else if (!/[\p{L}\p{N}]/u.test(word)) out.push(predicate('shape', 'punctuation'));
    if (this.ofWord.size > 200_000) this.ofWord.clear();
    this.ofWord.set(word, out);
    return out;
  }

  /** Predicates that hold at token t, `topic` left out. */
  token(window: TextWindow, t: number): readonly Predicate[] {
    return [...this.word(window.words[window.wordOf[t] as number] as string), ...this.inContext(window, t)];
  }

  /** Those of them that the word does not decide by itself. */
  inContext(window: TextWindow, t: number): readonly Predicate[] {
    const w = window.wordOf[t] as number;
    const out: Predicate[] = [];
    if (window.split[w] === 1) out.push(predicate('piece', window.surfaces[t] as string));
    if (window.capital[w] === 1 && window.offset + t > 0) out.push(CAPITALISED);
    const before = window.words[w - 1];
    if (before !== undefined) out.push(predicate('phrase', `${before} ${window.words[w] as string}`), predicate('after', before));
    const at = window.offset + t;
    for (const { limit, start } of STARTS) if (at < limit) out.push(start);
    return out;
  }
}

export function predicate(kind: ClauseKind, value: string): Predicate {
  return { kind, value, key: `${kind}:${value}` };
}

const CAPITALISED = predicate('shape', 'capitalised');
const STARTS = [1, 2, 4, 8].map((limit) => ({ limit, start: predicate('start', String(limit)) }));
