import { createHash } from 'node:crypto';

export interface DeduplicatorOptions {
  /** Also find near repeats: documents that share more than `overlap` of their word n-grams with all documents kept before. */
  readonly near?: {
    /** Share of n-grams seen before, above which a document is a repeat (default 0.5). */
    readonly overlap?: number;
    /** Words of an n-gram (default 13, as in contamination checks of language models, e.g. GPT-3, arXiv 2005.14165, appendix C). */
    readonly words?: number;
    /** Slots of the fixed-size table of n-grams, 4 bytes each, rounded up to a power of two (default 2^24: 64 MiB). */
    readonly memory?: number;
  };
}

export type Verdict = 'new' | 'same' | 'near';

export const DEDUPE_DEFAULTS = { overlap: 0.5, words: 13, memory: 2 ** 24 } as const;

/**
 * Tells whether a text has come before. Exact repeats: by a hash of the text with case and white space levelled; 8 bytes of hash are kept per
 * text. Near repeats: by n-grams in a table of fixed size, one 32-bit fingerprint a slot; when the table is full newer n-grams displace
 * older ones, so that very old near repeats may be missed, and two different n-grams are confused about once in 2^32 look-ups.
 */
export class Deduplicator {
  private readonly exact = new Set<bigint>();
  private readonly table: Uint32Array | undefined;
  private readonly words: number;
  private readonly overlap: number;

  constructor(options: DeduplicatorOptions = {}) {
    this.words = options.near?.words ?? DEDUPE_DEFAULTS.words;
    this.overlap = options.near?.overlap ?? DEDUPE_DEFAULTS.overlap;
    if (options.near !== undefined) {
      const slots = 2 ** Math.ceil(Math.log2(options.near.memory ?? DEDUPE_DEFAULTS.memory));
      this.table = new Uint32Array(slots);
    }
  }

  /** Says what the text is, and remembers it when it is new. */
  check(text: string): Verdict {
    const words = normalisedWords(text);
    const key = createHash('sha256').update(words.join(' ')).digest().readBigUInt64LE();
    if (this.exact.has(key)) return 'same';
    if (this.table !== undefined && this.isNear(words)) return 'near';
    this.exact.add(key);
    return 'new';
  }

  private isNear(words: readonly string[]): boolean {
    const table = this.table!;
    const hashes = words.map(wordHash);
    const count = hashes.length - this.words + 1;
    if (count < 1) return false;
    const places: { readonly slot: number; readonly print: number }[] = [];
    let seen = 0;
    for (let i = 0; i < count; i++) {
      let slot = 0x811c9dc5;
      let print = 0x2545f491;
      for (let j = 0; j < this.words; j++) {
        slot = mix(slot ^ hashes[i + j]!, 0x01000193);
        print = mix(print ^ hashes[i + j]!, 0x85ebca6b);
      }
      const place = { slot: slot & (table.length - 1), print: print === 0 ? 1 : print >>> 0 };
      if (table[place.slot] === place.print) seen++;
      places.push(place);
    }
    if (seen / count > this.overlap) return true;
    for (const { slot, print } of places) table[slot] = print;
    return false;
  }
}

/** Words with case, white space and punctuation levelled. */
export function normalisedWords(text: string): readonly string[] {
  return text.normalize('NFKC').toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function wordHash(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash | 0;
}

function mix(value: number, by: number): number {
  const product = Math.imul(value, by);
  return product ^ (product >>> 15);
}
