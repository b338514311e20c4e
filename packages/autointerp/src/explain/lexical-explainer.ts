import type { Tokenizer } from '@salmon-sae/dataflow';
import type { Example, LatentExamples } from '../examples/examples.js';
import type { ExampleBook } from '../examples/example-book.js';
import { BackgroundIndex } from './background-index.js';
import { findCandidates } from './candidates.js';
import type { Candidate } from './candidates.js';
import type { Explained, Explainer } from './explainer.js';
import { describeRule } from './explanation-text.js';
import { logOddsZ } from './log-odds.js';
import type { Clause, LexicalRule } from './lexical-rule.js';
import { ruleReader } from './lexical-rule.js';
import { PredicateReader } from './predicates.js';
import type { ClauseKind } from './predicates.js';
import type { Taxonomy } from './taxonomy.js';
import { windowReader } from './text-window.js';

export interface LexicalOptions {
  readonly tokenizer: Pick<Tokenizer, 'token'>;
  readonly taxonomy?: Taxonomy;
  /** Most clauses of a rule. */
  readonly clauses?: number;
  /** A clause must raise hit rate minus false-alarm rate by this much. */
  readonly minGain?: number;
  /** A clause must be told from the background by this z-score. */
  readonly minZ?: number;
}

export interface LexicalExplainer extends Explainer {
  readonly method: 'lexical';
  explain(examples: LatentExamples): Explained | undefined;
}

interface Scored {
  readonly candidate: Candidate;
  readonly background: readonly number[];
  readonly hard: readonly number[];
  readonly tokenGain: number;
  readonly cost: number;
}

/** Broad statements must earn more than narrow ones. */
const COST: Readonly<Record<ClauseKind, number>> = {
  word: 0, piece: 0.002, phrase: 0.004, suffix: 0.006, prefix: 0.006, kind: 0.004, after: 0.01, shape: 0.01, start: 0.02, topic: 0.02,
};
/** Clauses about a family of words need several words, or the word itself says it better. */
const FAMILY: ReadonlySet<ClauseKind> = new Set(['suffix', 'prefix', 'kind']);

/**
 * The offline explainer: words, phrases, affixes, positions and WordNet kinds that tell a latent's windows from silent ones,
 * found by greedy covering of the explainer's sample. Undefined for a latent without activating windows in that pool.
 */
export function lexicalExplainer(book: ExampleBook, options: LexicalOptions): LexicalExplainer {
  const read = windowReader(options.tokenizer);
  const predicates = new PredicateReader(options.taxonomy);
  let index: BackgroundIndex | undefined;
  return {
    method: 'lexical',
    explain: (examples) => {
      const { explainer } = examples;
      const sample = explainer.quantiles.flat();
      if (sample.length === 0) return undefined;
      index ??= new BackgroundIndex(book.background('explainer'), read, predicates);
      const pairs = sample.map((example) => ({ example, text: read(example) }));
      const support = Math.max(Math.min(2, sample.length), 0.05 * sample.length);
      const set = findCandidates(pairs, predicates, { largest: examples.maxActivation, support });
      const silent = index.silent(examples.sae, examples.latent);
      const silentCount = silent.reduce((a, b) => a + b, 0);
      const hard = index.numbers(explainer.hard);
      const scored: Scored[] = [];
      for (const candidate of set.candidates) {
        const { predicate } = candidate;
        if (FAMILY.has(predicate.kind) && candidate.words.size < 3) continue;
        const background = index.with(predicate.key).filter((w) => silent[w] === 1);
        const rate = index.with(predicate.key).length / Math.max(1, index.size);
        const z = logOddsZ(
          { seen: candidate.windows.size, of: sample.length },
          { seen: background.length, of: silentCount },
          { rate, strength: 10 },
        );
        if (z < (options.minZ ?? 1.96) && silentCount >= 20) continue;
        scored.push({
          candidate,
          background,
          hard: background.filter((w) => hard.has(w)),
          tokenGain: candidate.activeTokens / Math.max(1, set.activeTokens) - candidate.silentTokens / Math.max(1, set.silentTokens),
          cost: COST[predicate.kind],
        });
      }
      const sizes = { positives: sample.length, silent: silentCount, hard: hard.size };
      const chosen = cover(scored, sizes, { clauses: options.clauses ?? 8, minGain: options.minGain ?? 0.02 });
      const clauses = chosen.map((s) => clauseOf(s, sizes));
      const draft: LexicalRule = { kind: 'lexical', version: 1, clauses, threshold: 0.5 };
      const apply = ruleReader(draft, predicates);
      const probability = (example: Example): number => apply(read(example)).probability;
      const threshold = bestThreshold(
        pairs.map(({ text }) => apply(text).probability),
        [...explainer.random, ...explainer.hard].map(probability),
      );
      const rule: LexicalRule = { ...draft, threshold };
      return { sae: examples.sae, latent: examples.latent, text: describeRule(rule), method: 'lexical', rule };
    },
  };
}

interface Sizes {
  readonly positives: number;
  readonly silent: number;
  readonly hard: number;
}

/** Greedy covering: each step adds what raises (windows hit) - (silent windows hit) most. */
function cover(scored: readonly Scored[], sizes: Sizes, limits: { readonly clauses: number; readonly minGain: number }): Scored[] {
  const hit = { positives: new Set<number>(), silent: new Set<number>(), hard: new Set<number>() };
  const fresh = (items: Iterable<number>, known: ReadonlySet<number>): number => {
    let n = 0;
    for (const item of items) if (!known.has(item)) n++;
    return n;
  };
  // Where the latent is almost never silent, windows cannot tell; then tokens must.
  const tokenWeight = sizes.silent >= 20 ? 0.1 : 1;
  const gain = (s: Scored): number => {
    const hits = fresh(s.candidate.windows, hit.positives) / sizes.positives;
    const alarms = fresh(s.background, hit.silent) / Math.max(1, sizes.silent);
    const hardAlarms = sizes.hard === 0 ? alarms : fresh(s.hard, hit.hard) / sizes.hard;
    return hits - (alarms + hardAlarms) / 2 - s.cost;
  };
  let pool = scored
    .map((s) => ({ s, first: gain(s) + tokenWeight * s.tokenGain }))
    .sort((a, b) => b.first - a.first)
    .slice(0, 200)
    .map(({ s }) => s);
  const chosen: Scored[] = [];
  while (chosen.length < limits.clauses && pool.length > 0) {
    let best: { readonly s: Scored; readonly value: number; readonly plain: number } | undefined;
    for (const s of pool) {
      const plain = gain(s);
      const value = plain + tokenWeight * s.tokenGain;
      if (best === undefined || value > best.value) best = { s, value, plain };
    }
    if (best === undefined || (best.plain < limits.minGain && !(chosen.length === 0 && best.value >= limits.minGain))) break;
    const { s } = best;
    chosen.push(s);
    for (const w of s.candidate.windows) hit.positives.add(w);
    for (const w of s.background) hit.silent.add(w);
    for (const w of s.hard) hit.hard.add(w);
    pool = pool.filter((other) => other !== s);
  }
  return chosen;
}

function clauseOf({ candidate, background, hard }: Scored, sizes: Sizes): Clause {
  const n = sizes.positives;
  const hits = candidate.windows.size;
  const alarmRate = background.length / Math.max(1, sizes.silent);
  const rate = sizes.hard === 0 ? alarmRate : (alarmRate + hard.length / sizes.hard) / 2;
  const tokens = candidate.activeTokens + candidate.silentTokens;
  return {
    kind: candidate.predicate.kind,
    value: candidate.predicate.value,
    precision: (hits + 1) / (hits + rate * n + 2),
    coverage: hits / n,
    activation: tokens === 0 ? 0 : candidate.activation / tokens,
    words: [...candidate.words].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 5).map(([word]) => word),
  };
}

/** The threshold with the best balanced accuracy; among equals the middle of the gap. */
function bestThreshold(positives: readonly number[], negatives: readonly number[]): number {
  if (positives.length === 0 || negatives.length === 0) return 0.5;
  const values = [...new Set([0, ...positives, ...negatives, 1])].sort((a, b) => a - b);
  let best = { threshold: 0.5, accuracy: -1 };
  for (let i = 1; i < values.length; i++) {
    const threshold = ((values[i - 1] as number) + (values[i] as number)) / 2;
    const share = (list: readonly number[]): number => list.filter((p) => p >= threshold).length / list.length;
    const accuracy = (share(positives) + 1 - share(negatives)) / 2;
    if (accuracy > best.accuracy + 1e-9) best = { threshold, accuracy };
  }
  return best.threshold;
}
