import { contains } from '../examples/background.js';
import type { BackgroundWindow } from '../examples/background.js';
import type { PredicateReader } from './predicates.js';
import { predicate } from './predicates.js';
import type { TextWindow, WindowReader } from './text-window.js';

/** Predicate key -> background windows in which it holds somewhere, ascending. */
export class BackgroundIndex {
  private readonly postings = new Map<string, number[]>();
  private readonly places = new Map<Int32Array, number>();

  constructor(
    private readonly windows: readonly BackgroundWindow[],
    read: WindowReader,
    predicates: PredicateReader,
  ) {
    windows.forEach((window, w) => {
      this.places.set(window.ids, w);
      for (const key of keysOf(read(window), predicates)) {
        const list = this.postings.get(key);
        if (list === undefined) this.postings.set(key, [w]);
        else list.push(w);
      }
    });
  }

  /** 1 = the latent is silent in that window. */
  silent(sae: string, latent: number): Uint8Array {
    return Uint8Array.from(this.windows, ({ fired }) => {
      const list = fired.get(sae);
      return list !== undefined && !contains(list, latent) ? 1 : 0;
    });
  }

  /** Numbers of the windows that these examples were taken from. */
  numbers(examples: readonly { readonly ids: Int32Array }[]): ReadonlySet<number> {
    return new Set(examples.flatMap(({ ids }) => this.places.get(ids) ?? []));
  }

  with(key: string): readonly number[] {
    return this.postings.get(key) ?? [];
  }

  get size(): number {
    return this.windows.length;
  }
}

/** Every predicate that holds somewhere in a window. */
function keysOf(window: TextWindow, predicates: PredicateReader): Set<string> {
  const keys = new Set<string>();
  for (let t = 0; t < window.ids.length; t++) for (const { key } of predicates.inContext(window, t)) keys.add(key);
  for (const word of new Set(window.words)) {
    for (const { key } of predicates.word(word)) keys.add(key);
    keys.add(predicate('topic', word).key);
  }
  return keys;
}
