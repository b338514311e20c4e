import type { Tokenizer } from '@salmon-sae/dataflow';

/** A window as words: what a reader sees of the tokens. */
export interface TextWindow {
  readonly ids: Int32Array;
  /** Surface of each token, leading space kept. */
  readonly surfaces: readonly string[];
  /** Lower-cased words in order; punctuation and line breaks are words of their own. */
  readonly words: readonly string[];
  /** [tokens] index into `words`. */
  readonly wordOf: Int32Array;
  /** [words] 1 = made of more than one token. */
  readonly split: Uint8Array;
  /** [words] 1 = begins with a capital letter. */
  readonly capital: Uint8Array;
  /** Tokens between the start of the text and the window. */
  readonly offset: number;
}

export type WindowReader = (window: { readonly ids: Int32Array; readonly offset: number }) => TextWindow;

const STARTS = /^[\p{L}\p{N}\p{M}'’]/u;
const ENDS = /[\p{L}\p{N}\p{M}'’]$/u;
const CAPITAL = /^[^\p{L}\p{N}]*\p{Lu}/u;

/** What is known of a token by itself. */
interface Piece {
  readonly surface: string;
  readonly starts: boolean;
  readonly ends: boolean;
}

/** Reads token windows as words with a tokenizer; each token id, each word and each window in memory is looked at once. */
export function windowReader(tokenizer: Pick<Tokenizer, 'token'>): WindowReader {
  const pieces = new Map<number, Piece>();
  const words = new Map<string, { readonly text: string; readonly capital: boolean }>();
  const piece = (id: number): Piece => {
    let known = pieces.get(id);
    if (known === undefined) {
      const surface = tokenizer.token(id);
      pieces.set(id, (known = { surface, starts: STARTS.test(surface), ends: ENDS.test(surface) }));
    }
    return known;
  };
  const word = (raw: string): { readonly text: string; readonly capital: boolean } => {
    let known = words.get(raw);
    if (known === undefined) {
      if (words.size > 200_000) words.clear();
      words.set(raw, (known = { text: plain(raw), capital: CAPITAL.test(raw) }));
    }
    return known;
  };
  // Background windows serve many latents: their readings stay as long as they do.
  const windows = new WeakMap<Int32Array, TextWindow>();
  return ({ ids, offset }) => {
    const known = windows.get(ids);
    if (known?.offset === offset) return known;
    const surfaces: string[] = [];
    const wordOf = new Int32Array(ids.length);
    const raw: string[] = [];
    const parts: number[] = [];
    let open = false;
    for (let t = 0; t < ids.length; t++) {
      const { surface, starts, ends } = piece(ids[t] as number);
      surfaces.push(surface);
      if (open && starts) {
        raw[raw.length - 1] += surface;
        parts[parts.length - 1] = (parts[parts.length - 1] as number) + 1;
      } else {
        raw.push(surface);
        parts.push(1);
      }
      open = ends;
      wordOf[t] = raw.length - 1;
    }
    const read = raw.map(word);
    const window: TextWindow = {
      ids,
      surfaces,
      words: read.map(({ text }) => text),
      wordOf,
      split: Uint8Array.from(parts, (n) => (n > 1 ? 1 : 0)),
      capital: Uint8Array.from(read, ({ capital }) => (capital ? 1 : 0)),
      offset,
    };
    windows.set(ids, window);
    return window;
  };
}

/** Lower case, without surrounding space and punctuation, unless nothing else is left. */
function plain(word: string): string {
  const inner = word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
  if (inner !== '') return inner.toLowerCase();
  const trimmed = word.trim();
  return trimmed === '' ? (word.includes('\n') ? '\n' : ' ') : trimmed;
}
