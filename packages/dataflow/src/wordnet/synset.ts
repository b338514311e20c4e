/** Part of speech of a synset; `a` includes adjective satellites. */
export type SynsetPos = 'n' | 'v' | 'a' | 'r';

/** A WordNet synset: one meaning and the words for it. */
export interface Synset {
  /** Part of speech and offset, e.g. `n14085287`: stable within a WordNet version. */
  readonly id: string;
  readonly pos: SynsetPos;
  /** Lexicographer file number, e.g. 26 = noun.state. */
  readonly file: number;
  /** The words, spaces for underscores. */
  readonly lemmas: readonly string[];
  /** Number of each lemma within its lexicographer file. */
  readonly lexIds: readonly number[];
  readonly definition: string;
  readonly examples: readonly string[];
  readonly pointers: readonly SynsetPointer[];
}

export interface SynsetPointer {
  readonly kind: PointerKind;
  readonly to: string;
  /** Index of the lemma that the relation holds for, and of the target's; -1 = all of them. */
  readonly from: number;
  readonly word: number;
}

/** Pointer symbols of WordNet's database format (wninput(5WN)). */
export const POINTERS = {
  '!': 'antonym',
  '@': 'hypernym',
  '@i': 'instance-hypernym',
  '~': 'hyponym',
  '~i': 'instance-hyponym',
  '#m': 'member-holonym',
  '#s': 'substance-holonym',
  '#p': 'part-holonym',
  '%m': 'member-meronym',
  '%s': 'substance-meronym',
  '%p': 'part-meronym',
  '=': 'attribute',
  '+': 'derivation',
  ';c': 'topic',
  '-c': 'topic-member',
  ';r': 'region',
  '-r': 'region-member',
  ';u': 'usage',
  '-u': 'usage-member',
  '*': 'entailment',
  '>': 'cause',
  '^': 'also-see',
  $: 'verb-group',
  '&': 'similar',
  '<': 'participle',
  '\\': 'pertainym',
} as const;

export type PointerKind = (typeof POINTERS)[keyof typeof POINTERS];

/** WordNet's sense key of one lemma, e.g. `illness%1:26:00`; the same over WordNet versions where the sense is. */
export function senseKey(synset: Synset, lemma: number): string {
  const digit = { n: 1, v: 2, a: 3, r: 4 }[synset.pos];
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${synset.lemmas[lemma]!.toLowerCase().replaceAll(' ', '_')}%${digit}:${two(synset.file)}:${two(synset.lexIds[lemma]!)}`;
}
