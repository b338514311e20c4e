import { z } from 'zod';
import type { Predicate, PredicateReader } from './predicates.js';
import { predicate } from './predicates.js';
import type { TextWindow } from './text-window.js';

/** A lexical explanation that a program can apply. Plain JSON. */
export interface LexicalRule {
  readonly kind: 'lexical';
  readonly version: 1;
  readonly clauses: readonly Clause[];
  /** A window whose probability reaches this is taken to activate the latent. */
  readonly threshold: number;
}

export interface Clause {
  readonly kind: 'word' | 'piece' | 'suffix' | 'prefix' | 'phrase' | 'after' | 'kind' | 'shape' | 'start' | 'topic';
  readonly value: string;
  /** Smoothed share of activating windows among the windows matched, activating and silent ones counted alike. */
  readonly precision: number;
  /** Share of activating windows matched. */
  readonly coverage: number;
  /** Mean activation of matched tokens in activating windows, as a share of the latent's largest. */
  readonly activation: number;
  /** Words seen to match, most frequent first. */
  readonly words: readonly string[];
}

export const lexicalRuleSchema: z.ZodType<LexicalRule> = z.object({
  kind: z.literal('lexical'),
  version: z.literal(1),
  threshold: z.number(),
  clauses: z.array(
    z.object({
      kind: z.enum(['word', 'piece', 'suffix', 'prefix', 'phrase', 'after', 'kind', 'shape', 'start', 'topic']),
      value: z.string(),
      precision: z.number().min(0).max(1),
      coverage: z.number().min(0).max(1),
      activation: z.number(),
      words: z.array(z.string()),
    }),
  ),
});

export interface RuleReading {
  /** Probability that the window activates the latent: clauses combined by noisy-or. */
  readonly probability: number;
  /** [tokens] expected activation as a share of the latent's largest. */
  readonly activations: Float32Array;
  /** [tokens] 1 = some clause that speaks of single tokens matches here. */
  readonly matched: Uint8Array;
}

/** Applies a rule to a window. A rule without clauses knows nothing: probability 0.5, expected activation 0. */
export function readWithRule(rule: LexicalRule, window: TextWindow, predicates: PredicateReader): RuleReading {
  return ruleReader(rule, predicates)(window);
}

/** The same for many windows: what a word by itself matches is looked up once. */
export function ruleReader(rule: LexicalRule, predicates: PredicateReader): (window: TextWindow) => RuleReading {
  const byKey = new Map(rule.clauses.map((clause) => [predicate(clause.kind, clause.value).key, clause]));
  const inContext = rule.clauses.some(({ kind }) => !OF_WORD.has(kind));
  const topics = rule.clauses.some(({ kind }) => kind === 'topic');
  const ofWord = new Map<string, readonly Clause[]>();
  const matching = (list: readonly Predicate[]): readonly Clause[] => {
    const out: Clause[] = [];
    for (const { key } of list) {
      const clause = byKey.get(key);
      if (clause !== undefined) out.push(clause);
    }
    return out;
  };
  const byWord = (word: string): readonly Clause[] => {
    let known = ofWord.get(word);
    if (known === undefined) ofWord.set(word, (known = matching(predicates.word(word))));
    return known;
  };
  return (window) => {
    const tokens = window.ids.length;
    const activations = new Float32Array(tokens);
    const matched = new Uint8Array(tokens);
    if (byKey.size === 0) return { probability: 0.5, activations, matched };
    const hit = new Set<Clause>();
    const expect = (t: number, { activation, precision }: Clause): void => {
      activations[t] = Math.max(activations[t] as number, activation * precision);
    };
    for (let t = 0; t < tokens; t++) {
      const ofIt = byWord(window.words[window.wordOf[t] as number] as string);
      for (const clause of inContext ? [...ofIt, ...matching(predicates.inContext(window, t))] : ofIt) {
        hit.add(clause);
        matched[t] = 1;
        expect(t, clause);
      }
    }
    if (topics) {
      window.words.forEach((word, w) => {
        const clause = byKey.get(predicate('topic', word).key);
        if (clause === undefined) return;
        hit.add(clause);
        for (let t = window.wordOf.indexOf(w); t < tokens; t++) expect(t, clause);
      });
    }
    let miss = 1;
    for (const clause of hit) miss *= 1 - clause.precision;
    return { probability: 1 - miss, activations, matched };
  };
}

/** Kinds that a word decides by itself (`shape` may hang on the word's place, `topic` is looked up apart). */
const OF_WORD: ReadonlySet<Clause['kind']> = new Set(['word', 'suffix', 'prefix', 'kind', 'topic']);
