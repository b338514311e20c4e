import type { Example } from '../examples/examples.js';
import type { Predicate, PredicateReader } from './predicates.js';
import { predicate } from './predicates.js';
import type { TextWindow } from './text-window.js';

/** A token counts as active from this share of its window's peak on (arXiv 2410.13928: marking rule). */
export const ACTIVE_SHARE = 0.3;

export interface Candidate {
  readonly predicate: Predicate;
  /** Activating windows in which it holds at an active token. */
  readonly windows: Set<number>;
  /** Matched words -> windows. */
  readonly words: Map<string, number>;
  activeTokens: number;
  silentTokens: number;
  activation: number;
}

export interface CandidateSet {
  readonly candidates: readonly Candidate[];
  readonly activeTokens: number;
  readonly silentTokens: number;
}

/** What holds at the active tokens of at least `support` of the windows given; activations count as shares of `largest`. */
export function findCandidates(
  windows: readonly { readonly text: TextWindow; readonly example: Example }[],
  predicates: PredicateReader,
  limits: { readonly largest: number; readonly support: number },
): CandidateSet {
  const found = new Map<string, Candidate>();
  const at = (p: Predicate): Candidate => {
    let candidate = found.get(p.key);
    if (candidate === undefined) {
      candidate = { predicate: p, windows: new Set(), words: new Map(), activeTokens: 0, silentTokens: 0, activation: 0 };
      found.set(p.key, candidate);
    }
    return candidate;
  };
  let activeTokens = 0;
  let silentTokens = 0;
  const holding = windows.map(({ text }) => Array.from(text.ids, (_, t) => predicates.token(text, t)));
  windows.forEach(({ text, example }, w) => {
    let lastActive = -1;
    for (let t = 0; t < text.ids.length; t++) {
      if ((example.activations[t] as number) < ACTIVE_SHARE * example.peak) continue;
      lastActive = t;
      const word = text.words[text.wordOf[t] as number] as string;
      for (const p of (holding[w] as (readonly Predicate[])[])[t] as readonly Predicate[]) {
        const candidate = at(p);
        if (!candidate.windows.has(w)) candidate.words.set(word, (candidate.words.get(word) ?? 0) + 1);
        candidate.windows.add(w);
      }
    }
    const lastWord = text.wordOf[lastActive] ?? -1;
    for (const word of text.words.slice(0, lastWord + 1)) {
      const candidate = at(predicate('topic', word));
      candidate.windows.add(w);
      candidate.words.set(word, candidate.windows.size);
    }
  });
  for (const [key, { windows: where }] of found) if (where.size < limits.support) found.delete(key);
  windows.forEach(({ text, example }, w) => {
    const topics = new Set<Candidate>();
    for (let t = 0; t < text.ids.length; t++) {
      const value = example.activations[t] as number;
      const active = value >= ACTIVE_SHARE * example.peak;
      if (!active && value > 0) continue;
      if (active) activeTokens++;
      else silentTokens++;
      const topic = found.get(predicate('topic', text.words[text.wordOf[t] as number] as string).key);
      if (topic !== undefined) topics.add(topic);
      const count = (candidate: Candidate | undefined): void => {
        if (candidate === undefined) return;
        if (active) candidate.activeTokens++;
        else candidate.silentTokens++;
        candidate.activation += value / limits.largest;
      };
      for (const { key } of (holding[w] as (readonly Predicate[])[])[t] as readonly Predicate[]) count(found.get(key));
      for (const candidate of topics) count(candidate);
    }
  });
  return { candidates: [...found.values()], activeTokens, silentTokens };
}
